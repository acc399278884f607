// The code that all kernels share. This file and the kernels' files form one source: NVRTC compiles it for a device, the tests compile it with g++ for a
// processor.
//
// The bits of a result are the same with both. Every operation is one of IEEE 754 (no contraction: a multiply-add is fused only where fmaf is written), exp, tanh
// and the logarithm are polynomials of our own, and sums follow one fixed tree. A block has 256 lanes, computed by one thread or by several. Each loop over lanes
// gives a lane to the same thread, so a lane may read its own writes; the writes of another lane it may read only after a barrier.
//
// BF16: operands and results of matrix products have 16 bits. The residual stream, moments and losses have 32 or 64.

typedef long long int64;
typedef unsigned long long uint64;
typedef unsigned int uint32;

constexpr int Lanes = 256;

// Elements that a block of an element-wise kernel computes.
constexpr int64 Piece = 4096;

// Elements whose squares a block sums.
constexpr int64 SquarePiece = 65536;

// Epsilon of the RMS norm, the same as in the table of parameters.
constexpr float Epsilon = 1.1920929e-07f;

#define EACH_LANE(lane) for (int lane = threadIdx.x; lane < Lanes; lane += blockDim.x)

#ifdef BF16
struct number {
    unsigned short bits;
};

__device__ inline float load(const number *from) { return __uint_as_float((uint32)from->bits << 16); }

// Rounds to nearest, ties to even.
__device__ inline void store(number *to, float x) {
    uint32 bits = __float_as_uint(x);
    to->bits = (unsigned short)(x != x ? 0x7fc0 : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
#else
typedef float number;

__device__ inline void store(number *to, float x) { *to = x; }
#endif

__device__ inline float load(const float *from) { return *from; }

struct Sum {
    template <class T> static __device__ T of(T a, T b) { return a + b; }
};

// Ignores a NaN: the computation that follows is NaN anyway.
struct Largest {
    static __device__ float of(float a, float b) { return b > a ? b : a; }
};

// Reduces one element of each lane, in shared memory: joins the two halves until one element is left. Every thread gets it, and may then write the memory again.
template <class Join, class T> __device__ T joined(T *lanes) {
    __syncthreads();
    for (int half = Lanes / 2; half > 0; half /= 2) {
        for (int lane = threadIdx.x; lane < half; lane += blockDim.x) {
            lanes[lane] = Join::of(lanes[lane], lanes[lane + half]);
        }
        __syncthreads();
    }
    T total = lanes[0];
    __syncthreads();
    return total;
}

// exp(x) within 2 units in the last place; 0 below -87.3, infinite above 88.3. The polynomial is that of Cephes (expf).
__device__ inline float exponential(float x) {
    float near = x < -87.3f ? -87.3f : x > 88.3f ? 88.3f : x == x ? x : 0.0f;
    float n = rintf(near * 1.44269504f);
    float r = fmaf(n, 2.12194440e-4f, fmaf(n, -0.693359375f, near));
    float p = 1.9875691500e-4f;
    p = fmaf(p, r, 1.3981999507e-3f);
    p = fmaf(p, r, 8.3334519073e-3f);
    p = fmaf(p, r, 4.1665795894e-2f);
    p = fmaf(p, r, 1.6666665459e-1f);
    p = fmaf(p, r, 5.0000001201e-1f);
    p = fmaf(p, r * r, r) + 1.0f;
    float y = p * __uint_as_float((uint32)((int)n + 127) << 23);
    return x < -87.3f ? 0.0f : x > 88.3f ? __uint_as_float(0x7f800000) : x == x ? y : x;
}

__device__ inline float sigmoid(float x) { return 1.0f / (1.0f + exponential(-x)); }

// Near 0 a difference of exponentials would cancel; the polynomial there is that of Cephes (tanhf).
__device__ inline float hyperbolic(float x) {
    float size = fabsf(x);
    if (size < 0.625f) {
        float z = x * x;
        float p = fmaf(-5.70498872745e-3f, z, 2.06390887954e-2f);
        p = fmaf(p, z, -5.37397155531e-2f);
        p = fmaf(p, z, 1.33314422036e-1f);
        p = fmaf(p, z, -3.33332819422e-1f);
        return fmaf(p * z, x, x);
    }
    float e = exponential(size * -2.0f);
    float far = (1.0f - e) / (1.0f + e);
    return x < 0.0f ? -far : far;
}

// The natural logarithm of a positive, normal number, to some units in the last place: ln m = 2 artanh((m-1)/(m+1)). Other arguments give NaN or infinity.
__device__ inline double logarithm(double x) {
    if (!(x > 0)) {
        return __longlong_as_double(x == 0 ? 0xfff0000000000000LL : 0x7ff8000000000000LL);
    }
    if (x > 1.7e308) {
        return x;
    }
    int64 bits = __double_as_longlong(x);
    int exponent = (int)(bits >> 52) - 1023;
    double mantissa = __longlong_as_double((bits & 0xfffffffffffffLL) | 0x3ff0000000000000LL);
    if (mantissa > 1.4142135623730951) {
        mantissa /= 2;
        exponent++;
    }
    double s = (mantissa - 1) / (mantissa + 1);
    double square = s * s;
    double sum = 0;
    for (int term = 21; term > 0; term -= 2) {
        sum = sum * square + 1.0 / term;
    }
    return exponent * 0.6931471805599453 + 2 * s * sum;
}

// The random bits of CounterRandom.At for a pair of elements; the low half belongs to the first.
__device__ inline float dropped(float x, int64 index, uint64 key, uint32 threshold, float scale) {
    if (threshold == 0) {
        return x;
    }
    uint64 z = key + ((uint64)(index >> 1) + 1) * 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    z ^= z >> 31;
    uint32 bits = (uint32)((index & 1) ? z >> 32 : z);
    return x * (bits >= threshold ? scale : 0.0f);
}

// sums[k] = the sum of column k of [rows, columns]; a block computes a column.
extern "C" __global__ void sum_rows(const double *parts, int rows, int columns, double *sums) {
    __shared__ double lanes[Lanes];
    EACH_LANE(lane) {
        double sum = 0;
        for (int row = lane; row < rows; row += Lanes) {
            sum += parts[(int64)row * columns + blockIdx.x];
        }
        lanes[lane] = sum;
    }
    double total = joined<Sum>(lanes);
    if (threadIdx.x == 0) {
        sums[blockIdx.x] = total;
    }
}
