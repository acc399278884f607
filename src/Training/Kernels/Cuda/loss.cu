// Softcap, softmax, cross-entropy and the divergence from a teacher; a block computes a row. The gradient overwrites the logits: no other memory of the size of
// the vocabulary is needed.

__device__ inline float capped(float z, float cap) { return hyperbolic(z * (1.0f / cap)) * cap; }

// The largest logit of a row; tanh is monotonic, so the largest capped logit follows from it.
__device__ float row_top(const number *z, int v, float *lanes) {
    EACH_LANE(lane) {
        float top = __uint_as_float(0xff800000);
        for (int i = lane; i < v; i += Lanes) {
            top = Largest::of(top, load(z + i));
        }
        lanes[lane] = top;
    }
    return joined<Largest>(lanes);
}

// Σ exp((capped - top)·inverse).
__device__ float row_sum(const number *z, float cap, float top, float inverse, int v, float *lanes) {
    EACH_LANE(lane) {
        float sum = 0;
        for (int i = lane; i < v; i += Lanes) {
            sum += exponential((capped(load(z + i), cap) - top) * inverse);
        }
        lanes[lane] = sum;
    }
    return joined<Sum>(lanes);
}

// targets: [count, rows] int64, row `first` belongs to the first block; -1: no target. shares: [count], the weights of the losses; the first is smoothed
// (arXiv:1512.00567). taught: a teacher's logits; lesson: the logarithms of its probabilities at the temperature, [n, v]; both null: no teacher. hard, soft:
// weights of a row; the second includes the square of the temperature. Columns from v to the stride get 0.
extern "C" __global__ void loss(
    number *logits, int stride, int v, float cap, const int64 *targets, int count, int rows, int first, const double *shares, double smoothing, const number *taught,
    const float *lesson, double temperature, double hard, double soft, double *losses) {
    __shared__ float lanes[Lanes];
    __shared__ float more[Lanes];
    number *z = logits + (int64)blockIdx.x * stride;
    float top = capped(row_top(z, v, lanes), cap);
    float inverse = (float)(1 / temperature);
    EACH_LANE(lane) {
        float sum = 0, plain = 0;
        for (int i = lane; i < v; i += Lanes) {
            float s = capped(load(z + i), cap);
            sum += exponential(s - top);
            plain += s;
        }
        lanes[lane] = sum;
        more[lane] = plain;
    }
    float sum = joined<Sum>(lanes), total = joined<Sum>(more);
    double logSum = top + logarithm(sum), loss = 0, counted = 0, smooth = 0;
    for (int one = 0; one < count; one++) {
        int64 target = targets[(int64)one * rows + first + blockIdx.x];
        double even = one == 0 ? smoothing : 0;
        if (target >= 0) {
            counted += shares[one];
            smooth += shares[one] * even / v;
            loss += shares[one] * (logSum - (1 - even) * capped(load(z + target), cap) - even * total / v);
        }
    }
    loss *= hard;

    const number *t = taught ? taught + (int64)blockIdx.x * stride : 0;
    const float *known = lesson ? lesson + (int64)blockIdx.x * v : 0;
    float teacherTop = 0, teacherLog = 0, studentLog = 0, ofStudent = 0, ofTeacher = 0;
    bool teaches = t || known;
    if (teaches) {
        float cooled = temperature == 1 ? sum : row_sum(z, cap, top, inverse, v, lanes);
        if (t) {
            teacherTop = capped(row_top(t, v, lanes), cap);
            teacherLog = (float)logarithm(row_sum(t, cap, teacherTop, inverse, v, lanes));
        }
        studentLog = (float)logarithm(cooled);
        EACH_LANE(lane) {
            float divergence = 0, mass = 0;
            for (int i = lane; i < v; i += Lanes) {
                float logP = t ? (capped(load(t + i), cap) - teacherTop) * inverse - teacherLog : known[i];
                float logQ = (capped(load(z + i), cap) - top) * inverse - studentLog;
                float p = exponential(logP);
                divergence = fmaf(p, logP - logQ, divergence);
                mass += p;
            }
            lanes[lane] = divergence;
            more[lane] = mass;
        }
        float divergence = joined<Sum>(lanes), mass = joined<Sum>(more);
        loss += soft * divergence;
        ofTeacher = (float)(soft / temperature);
        ofStudent = (float)(soft / temperature * mass / cooled);
    }
    // No lane reads the logit of a target after this barrier, so it may be overwritten.
    __syncthreads();

    float ofHard = (float)(hard * counted / sum), ofSmooth = (float)(hard * smooth);
    EACH_LANE(lane) {
        for (int i = lane; i < stride; i += Lanes) {
            if (i >= v) {
                store(z + i, 0.0f);
                continue;
            }
            float s = capped(load(z + i), cap);
            float g = exponential(s - top) * ofHard - ofSmooth;
            if (teaches) {
                float logP = t ? (capped(load(t + i), cap) - teacherTop) * inverse - teacherLog : known[i];
                g += exponential((s - top) * inverse) * ofStudent - exponential(logP) * ofTeacher;
            }
            for (int one = 0; one < count; one++) {
                if (targets[(int64)one * rows + first + blockIdx.x] == i) {
                    g -= (float)(hard * shares[one] * (1 - (one == 0 ? smoothing : 0)));
                }
            }
            float part = s * (1.0f / cap);
            store(z + i, g * (1.0f - part * part));
        }
    }
    if (threadIdx.x == 0) {
        losses[first + blockIdx.x] = loss;
    }
}
