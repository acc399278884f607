// What the kernels' source needs of a device, on a processor: a block has one thread; or several, that take turns from barrier to barrier, first to last or last
// to first, so that what needs a barrier and has none goes wrong every time.
#include <cmath>
#include <cstring>
#include <memory>
#include <ucontext.h>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __shared__ static thread_local

struct Index {
    unsigned x;
};
static thread_local Index threadIdx, blockIdx, blockDim;
static thread_local ucontext_t scheduler;
static thread_local ucontext_t *current;

static void __syncthreads() {
    if (blockDim.x > 1) {
        swapcontext(current, &scheduler);
    }
}

template <class To, class From> static To bits(From from) {
    To to;
    static_assert(sizeof to == sizeof from);
    memcpy(&to, &from, sizeof to);
    return to;
}
static float __uint_as_float(unsigned x) { return bits<float>(x); }
static unsigned __float_as_uint(float x) { return bits<unsigned>(x); }
static long long __double_as_longlong(double x) { return bits<long long>(x); }
static double __longlong_as_double(long long x) { return bits<double>(x); }

struct Fiber {
    ucontext_t at;
    std::unique_ptr<char[]> stack{new char[65536]};
    bool done = false;
};
static thread_local void (*call)(void *);
static thread_local void *called;
static thread_local bool *finished;
static void fiber() {
    call(called);
    *finished = true;
}

// 0, or 1 where some threads have ended while others wait for them at a barrier.
template <class Body> int run_block(Body body, unsigned threads, bool backwards) {
    blockDim.x = threads;
    threadIdx.x = 0;
    if (threads == 1) {
        body();
        return 0;
    }
    call = [](void *of) { (*(Body *)of)(); };
    called = &body;
    std::vector<Fiber> fibers(threads);
    for (auto &one : fibers) {
        getcontext(&one.at);
        one.at.uc_stack.ss_sp = one.stack.get();
        one.at.uc_stack.ss_size = 65536;
        one.at.uc_link = &scheduler;
        makecontext(&one.at, fiber, 0);
    }
    for (unsigned done = 0; done == 0;) {
        for (unsigned i = 0; i < threads; i++) {
            threadIdx.x = backwards ? threads - 1 - i : i;
            auto &one = fibers[threadIdx.x];
            current = &one.at;
            finished = &one.done;
            swapcontext(&scheduler, current);
            done += one.done;
        }
        if (done != 0 && done != threads) {
            return 1;
        }
    }
    return 0;
}

template <class... A, size_t... I>
int run(void (*kernel)(A...), void **words, unsigned blocks, unsigned threads, bool backwards, std::index_sequence<I...>) {
    for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++) {
        if (run_block([&] { kernel(*(A *)words[I]...); }, threads, backwards)) {
            return 1;
        }
    }
    return 0;
}

template <class... A> int run(void (*kernel)(A...), void **words, unsigned blocks, unsigned threads, bool backwards) {
    return run(kernel, words, blocks, threads, backwards, std::index_sequence_for<A...>{});
}

// Behind the source there is one for each kernel.
#define ENTRY(name)                                                                                                                                             \
    extern "C" int play_##name(void **words, unsigned blocks, unsigned threads, int backwards) { return run(name, words, blocks, threads, backwards); }
