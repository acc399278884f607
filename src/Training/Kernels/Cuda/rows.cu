// Operations on the rows of the residual stream, [n, c] float32; a block computes a row. And SwiGLU.

// x = lambda (before + skip·encoded) + lambda0·x0, and a = rms(x). encoded null: no skip; a null: x is not normalised.
extern "C" __global__ void mix(
    const float *before, const float *encoded, const float *x0, const float *lambda, const float *lambda0, const float *skip, float *x, number *a, float *r, int c) {
    __shared__ float lanes[Lanes];
    int64 row = (int64)blockIdx.x * c;
    EACH_LANE(lane) {
        float squares = 0;
        for (int i = lane; i < c; i += Lanes) {
            float v = before[row + i];
            v = encoded ? fmaf(encoded[row + i], *skip, v) : v;
            v = fmaf(x0[row + i], *lambda0, v * *lambda);
            squares = fmaf(v, v, squares);
            x[row + i] = v;
        }
        lanes[lane] = squares;
    }
    if (!a) {
        return;
    }
    float factor = 1.0f / sqrtf(joined<Sum>(lanes) / c + Epsilon);
    if (threadIdx.x == 0) {
        r[blockIdx.x] = factor;
    }
    EACH_LANE(lane) {
        for (int i = lane; i < c; i += Lanes) {
            store(a + row + i, x[row + i] * factor);
        }
    }
}

// The backward pass of mix. dx: the gradient of x, without the part through a. parts[row]: the row's part of the gradients of the three scalars. da null: x was
// not normalised.
extern "C" __global__ void mix_back(
    const float *dx, const number *da, const float *x, const float *r, const float *before, const float *encoded, const float *x0, const float *lambda,
    const float *lambda0, const float *skip, float *dBefore, float *dEncoded, float *dx0, double *parts, int c) {
    __shared__ float ofLambda[Lanes];
    __shared__ float ofLambda0[Lanes];
    __shared__ float ofSkip[Lanes];
    int64 row = (int64)blockIdx.x * c;
    float factor = da ? r[blockIdx.x] : 0.0f;
    float along = 0;
    if (da) {
        EACH_LANE(lane) {
            float sum = 0;
            for (int i = lane; i < c; i += Lanes) {
                sum = fmaf(load(da + row + i), x[row + i] * factor, sum);
            }
            ofLambda[lane] = sum;
        }
        along = joined<Sum>(ofLambda) / c;
    }
    EACH_LANE(lane) {
        float sum = 0, sum0 = 0, sumSkip = 0;
        for (int i = lane; i < c; i += Lanes) {
            float g = dx[row + i];
            g = da ? fmaf(load(da + row + i) - x[row + i] * factor * along, factor, g) : g;
            float mixed = before[row + i];
            if (encoded) {
                float e = encoded[row + i];
                mixed = fmaf(e, *skip, mixed);
                sumSkip = fmaf(g * *lambda, e, sumSkip);
                dEncoded[row + i] = g * *lambda * *skip;
            }
            sum = fmaf(g, mixed, sum);
            sum0 = fmaf(g, x0[row + i], sum0);
            dx0[row + i] = g * *lambda0;
            dBefore[row + i] = g * *lambda;
        }
        ofLambda[lane] = sum;
        ofLambda0[lane] = sum0;
        ofSkip[lane] = sumSkip;
    }
    float total = joined<Sum>(ofLambda), total0 = joined<Sum>(ofLambda0), totalSkip = joined<Sum>(ofSkip);
    if (threadIdx.x == 0) {
        parts[(int64)blockIdx.x * 3] = total;
        parts[(int64)blockIdx.x * 3 + 1] = total0;
        parts[(int64)blockIdx.x * 3 + 2] = totalSkip;
    }
}

// sum = x + drop(branch), and m = rms(sum). branch null: x is only normalised, and sum not written; m null: it is not normalised.
extern "C" __global__ void add_norm(
    const float *x, const number *branch, uint64 key, uint32 threshold, float scale, float *sum, number *m, float *r, int c) {
    __shared__ float lanes[Lanes];
    int64 row = (int64)blockIdx.x * c;
    EACH_LANE(lane) {
        float squares = 0;
        for (int i = lane; i < c; i += Lanes) {
            float v = x[row + i];
            if (branch) {
                v += dropped(load(branch + row + i), row + i, key, threshold, scale);
                sum[row + i] = v;
            }
            squares = fmaf(v, v, squares);
        }
        lanes[lane] = squares;
    }
    if (!m) {
        return;
    }
    float factor = 1.0f / sqrtf(joined<Sum>(lanes) / c + Epsilon);
    if (threadIdx.x == 0) {
        r[blockIdx.x] = factor;
    }
    const float *from = branch ? sum : x;
    EACH_LANE(lane) {
        for (int i = lane; i < c; i += Lanes) {
            store(m + row + i, from[row + i] * factor);
        }
    }
}

// The backward pass of add_norm. dSum: the gradient of the sum, without the part through m; null: no other part. dm null: sum was not normalised; dBranch null: no
// branch.
extern "C" __global__ void add_norm_back(
    const float *dSum, const number *dm, const float *sum, const float *r, uint64 key, uint32 threshold, float scale, float *dx, number *dBranch, int c) {
    __shared__ float lanes[Lanes];
    int64 row = (int64)blockIdx.x * c;
    float factor = dm ? r[blockIdx.x] : 0.0f;
    float along = 0;
    if (dm) {
        EACH_LANE(lane) {
            float products = 0;
            for (int i = lane; i < c; i += Lanes) {
                products = fmaf(load(dm + row + i), sum[row + i] * factor, products);
            }
            lanes[lane] = products;
        }
        along = joined<Sum>(lanes) / c;
    }
    EACH_LANE(lane) {
        for (int i = lane; i < c; i += Lanes) {
            float g = dSum ? dSum[row + i] : 0.0f;
            g = dm ? fmaf(load(dm + row + i) - sum[row + i] * factor * along, factor, g) : g;
            dx[row + i] = g;
            if (dBranch) {
                store(dBranch + row + i, dropped(g, row + i, key, threshold, scale));
            }
        }
    }
}

// h = silu(g)·f, where a row of [n, 2·hidden] is g followed by f.
extern "C" __global__ void swiglu(const number *gates, number *h, int hidden) {
    const number *g = gates + (int64)blockIdx.x * 2 * hidden;
    EACH_LANE(lane) {
        for (int i = lane; i < hidden; i += Lanes) {
            float v = load(g + i);
            store(h + (int64)blockIdx.x * hidden + i, v * sigmoid(v) * load(g + hidden + i));
        }
    }
}

extern "C" __global__ void swiglu_back(const number *gates, const number *dh, number *dGates, int hidden) {
    int64 row = (int64)blockIdx.x * 2 * hidden;
    EACH_LANE(lane) {
        for (int i = lane; i < hidden; i += Lanes) {
            float v = load(gates + row + i), f = load(gates + row + hidden + i), dy = load(dh + (int64)blockIdx.x * hidden + i);
            float s = sigmoid(v);
            store(dGates + row + i, dy * f * (s * fmaf(v, 1.0f - s, 1.0f)));
            store(dGates + row + hidden + i, dy * v * s);
        }
    }
}
