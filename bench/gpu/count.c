// Counts what a process asks of a GPU: kernels launched, waits of the host, copies. Loaded before all other libraries (LD_PRELOAD), it stands in for the CUDA
// runtime's functions and calls them. What libraries launch by another way (a runtime of their own inside them) is not seen.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

static long counts[3];

void slowrun_counts(long *into) { for (int i = 0; i < 3; i++) into[i] = __atomic_load_n(&counts[i], __ATOMIC_RELAXED); }

#define COUNTED(which, name, parameters, arguments)                                  \
    int name parameters {                                                            \
        static int(*next) parameters;                                                \
        if (!next) next = (int(*) parameters)dlsym(RTLD_NEXT, #name);                \
        __atomic_add_fetch(&counts[which], 1, __ATOMIC_RELAXED);                     \
        return next ? next arguments : 999;                                          \
    }

typedef struct { unsigned x, y, z; } dim;

COUNTED(0, cudaLaunchKernel, (const void *f, dim grid, dim block, void **args, size_t shared, void *stream), (f, grid, block, args, shared, stream))
COUNTED(0, cudaLaunchKernelExC, (const void *config, const void *f, void **args), (config, f, args))
COUNTED(1, cudaStreamSynchronize, (void *stream), (stream))
COUNTED(1, cudaDeviceSynchronize, (void), ())
COUNTED(1, cudaEventSynchronize, (void *event), (event))
COUNTED(2, cudaMemcpyAsync, (void *to, const void *from, size_t length, int kind, void *stream), (to, from, length, kind, stream))
