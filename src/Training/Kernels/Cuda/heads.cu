// The steps between the packed queries, keys and values, [n, 3C], and the heads that attention reads, [n, H, d]. A block computes a row: eight heads at a time, 32
// lanes each.

constexpr int HeadLanes = 32;
constexpr int HeadsAtOnce = Lanes / HeadLanes;

// The sum over the lanes of each head, in its first lane.
__device__ void join_heads(float *lanes) {
    __syncthreads();
    for (int half = HeadLanes / 2; half > 0; half /= 2) {
        EACH_LANE(lane) {
            if (lane % HeadLanes < half) {
                lanes[lane] += lanes[lane + half];
            }
        }
        __syncthreads();
    }
}

// The element of the other half that takes part in the rotation of an element.
__device__ inline int partner(int j, int d) { return j < d / 2 ? j + d / 2 : j - d / 2; }

__device__ inline float turned(const number *u, const float *cos, const float *sin, int j, int d) {
    return fmaf(load(u + partner(j, d)), sin[j], load(u + j) * cos[j]);
}

// q, k = rms(rotated), v = v + 2σ(gate)·embedded. cos, sin: [T, d], sin with the sign of each element's rotation. r: [n, 2H], the normalisation factors of queries
// and keys. embedded null: none.
extern "C" __global__ void split(
    const number *qkv, const float *cos, const float *sin, const number *embedded, const number *gate, number *q, number *k, number *v, float *r, int length,
    int heads, int d) {
    __shared__ float lanes[Lanes];
    int c = heads * d;
    const number *row = qkv + (int64)blockIdx.x * 3 * c;
    int64 to = (int64)blockIdx.x * c;
    cos += (int64)(blockIdx.x % length) * d;
    sin += (int64)(blockIdx.x % length) * d;
    for (int first = 0; first < 2 * heads; first += HeadsAtOnce) {
        EACH_LANE(lane) {
            int head = first + lane / HeadLanes;
            float squares = 0;
            for (int j = lane % HeadLanes; j < d && head < 2 * heads; j += HeadLanes) {
                float t = turned(row + head * d, cos, sin, j, d);
                squares = fmaf(t, t, squares);
            }
            lanes[lane] = squares;
        }
        join_heads(lanes);
        EACH_LANE(lane) {
            int head = first + lane / HeadLanes;
            if (head < 2 * heads) {
                float factor = 1.0f / sqrtf(lanes[lane - lane % HeadLanes] / d + Epsilon);
                number *into = head < heads ? q + to + head * d : k + to + (head - heads) * d;
                for (int j = lane % HeadLanes; j < d; j += HeadLanes) {
                    store(into + j, turned(row + head * d, cos, sin, j, d) * factor);
                }
                if (lane % HeadLanes == 0) {
                    r[(int64)blockIdx.x * 2 * heads + head] = factor;
                }
            }
        }
        __syncthreads();
    }
    EACH_LANE(lane) {
        for (int i = lane; i < c; i += Lanes) {
            float x = load(row + 2 * c + i);
            x = embedded ? fmaf(load(embedded + to + i), 2.0f * sigmoid(load(gate + (int64)blockIdx.x * heads + i / d)), x) : x;
            store(v + to + i, x);
        }
    }
}

// The backward pass of split. The transpose of a rotation is the rotation by the opposite angle. dGate: the gradient before the sigmoid.
extern "C" __global__ void split_back(
    const number *dq, const number *dk, const number *dv, const number *qkv, const float *r, const float *cos, const float *sin, const number *embedded,
    const number *gate, number *dQkv, number *dEmbedded, number *dGate, int length, int heads, int d) {
    __shared__ float lanes[Lanes];
    int c = heads * d;
    const number *row = qkv + (int64)blockIdx.x * 3 * c;
    number *into = dQkv + (int64)blockIdx.x * 3 * c;
    int64 from = (int64)blockIdx.x * c;
    cos += (int64)(blockIdx.x % length) * d;
    sin += (int64)(blockIdx.x % length) * d;
    for (int first = 0; first < 2 * heads; first += HeadsAtOnce) {
        EACH_LANE(lane) {
            int head = first + lane / HeadLanes;
            const number *dy = head < heads ? dq + from + head * d : dk + from + (head - heads) * d;
            float along = 0;
            for (int j = lane % HeadLanes; j < d && head < 2 * heads; j += HeadLanes) {
                float y = turned(row + head * d, cos, sin, j, d) * r[(int64)blockIdx.x * 2 * heads + head];
                along = fmaf(load(dy + j), y, along);
            }
            lanes[lane] = along;
        }
        join_heads(lanes);
        EACH_LANE(lane) {
            int head = first + lane / HeadLanes;
            const number *dy = head < heads ? dq + from + head * d : dk + from + (head - heads) * d;
            for (int j = lane % HeadLanes; j < d && head < 2 * heads; j += HeadLanes) {
                float factor = r[(int64)blockIdx.x * 2 * heads + head], along = lanes[lane - lane % HeadLanes] / d;
                int other = partner(j, d);
                float dt = (load(dy + j) - turned(row + head * d, cos, sin, j, d) * factor * along) * factor;
                float dOther = (load(dy + other) - turned(row + head * d, cos, sin, other, d) * factor * along) * factor;
                store(into + head * d + j, fmaf(dOther, sin[other], dt * cos[j]));
            }
        }
        __syncthreads();
    }
    for (int first = 0; first < heads; first += HeadsAtOnce) {
        EACH_LANE(lane) {
            int head = first + lane / HeadLanes;
            float along = 0;
            for (int j = lane % HeadLanes; j < d && head < heads; j += HeadLanes) {
                int i = head * d + j;
                float g = load(dv + from + i);
                store(into + 2 * c + i, g);
                if (embedded) {
                    along = fmaf(g, load(embedded + from + i), along);
                    store(dEmbedded + from + i, g * (2.0f * sigmoid(load(gate + (int64)blockIdx.x * heads + head))));
                }
            }
            lanes[lane] = along;
        }
        join_heads(lanes);
        EACH_LANE(lane) {
            int head = first + lane / HeadLanes;
            if (embedded && head < heads && lane % HeadLanes == 0) {
                float s = sigmoid(load(gate + (int64)blockIdx.x * heads + head));
                store(dGate + (int64)blockIdx.x * heads + head, 2.0f * lanes[lane] * s * (1.0f - s));
            }
        }
        __syncthreads();
    }
}

// out = σ(gate)·y of each head; y: [n, H, d].
extern "C" __global__ void open_heads(const number *y, const number *gate, number *out, int heads, int d) {
    int64 row = (int64)blockIdx.x * heads * d;
    EACH_LANE(lane) {
        for (int i = lane; i < heads * d; i += Lanes) {
            store(out + row + i, load(y + row + i) * sigmoid(load(gate + (int64)blockIdx.x * heads + i / d)));
        }
    }
}

extern "C" __global__ void open_heads_back(const number *dOut, const number *y, const number *gate, number *dy, number *dGate, int heads, int d) {
    __shared__ float lanes[Lanes];
    int64 row = (int64)blockIdx.x * heads * d;
    for (int first = 0; first < heads; first += HeadsAtOnce) {
        EACH_LANE(lane) {
            int head = first + lane / HeadLanes;
            float along = 0;
            for (int j = lane % HeadLanes; j < d && head < heads; j += HeadLanes) {
                float g = load(dOut + row + head * d + j);
                along = fmaf(g, load(y + row + head * d + j), along);
                store(dy + row + head * d + j, g * sigmoid(load(gate + (int64)blockIdx.x * heads + head)));
            }
            lanes[lane] = along;
        }
        join_heads(lanes);
        EACH_LANE(lane) {
            int head = first + lane / HeadLanes;
            if (head < heads && lane % HeadLanes == 0) {
                float s = sigmoid(load(gate + (int64)blockIdx.x * heads + head));
                store(dGate + (int64)blockIdx.x * heads + head, lanes[lane] * s * (1.0f - s));
            }
        }
        __syncthreads();
    }
}
