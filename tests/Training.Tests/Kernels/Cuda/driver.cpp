// NVRTC and the CUDA driver, played on a processor: g++ compiles, the host's memory is the device's, and a launch has run when it returns. Refuses wrong handles
// and sizes, so that an argument in the wrong place shows. FOLDER has device.h, and takes what is made.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <sstream>
#include <string>

static thread_local unsigned threads = 1;
static thread_local int backwards = 0;
static thread_local long launches = 0;

struct Program {
    std::string source, log, image;
};

static std::string text(const std::string &path) {
    std::stringstream all;
    all << std::ifstream(path).rdbuf();
    return all.str();
}

extern "C" {
void play_threads(unsigned count, int last_first) { threads = count, backwards = last_first; }
long play_launches() { return launches; }

int nvrtcCreateProgram(Program **made, const char *source, const char *name, int headers, const char **, const char **) {
    *made = new Program{source, "", ""};
    return name == nullptr || headers != 0;
}

int nvrtcCompileProgram(Program *program, int count, const char **options) {
    static int number = 0;
    std::string path = std::string(FOLDER "/kernels") + std::to_string(__sync_fetch_and_add(&number, 1)), flags;
    bool architecture = false, exact = false;
    for (int i = 0; i < count; i++) {
        std::string option = options[i];
        architecture |= option == "--gpu-architecture=sm_90";
        exact |= option == "--fmad=false";
        flags += option.rfind("--define-macro=", 0) == 0 ? " -D" + option.substr(15) : "";
    }
    std::ofstream out(path + ".cpp");
    out << "#include \"device.h\"\n#line 1\n" << program->source << "\n";
    const std::string kernel = "extern \"C\" __global__ void ";
    for (size_t at = 0; (at = program->source.find(kernel, at)) != std::string::npos;) {
        at += kernel.size();
        out << "ENTRY(" << program->source.substr(at, program->source.find('(', at) - at) << ")\n";
    }
    out.close();
    // No contraction is what --fmad=false says to NVRTC.
    std::string command = "g++ -std=c++17 -O1 -w -shared -fPIC -I" FOLDER + std::string(exact ? " -ffp-contract=off" : " -march=native") + flags + " -o " + path +
                          ".so " + path + ".cpp 2> " + path + ".log";
    int status = system(command.c_str());
    program->log = text(path + ".log");
    program->image = path + ".so";
    return status != 0 || !architecture ? 6 : 0;
}

int nvrtcGetProgramLogSize(Program *program, size_t *size) { *size = program->log.size() + 1; return 0; }
int nvrtcGetProgramLog(Program *program, char *log) { strcpy(log, program->log.c_str()); return 0; }
int nvrtcGetCUBINSize(Program *program, size_t *size) { *size = program->image.size() + 1; return 0; }
int nvrtcGetCUBIN(Program *program, char *image) { strcpy(image, program->image.c_str()); return 0; }
int nvrtcDestroyProgram(Program **program) { delete *program; *program = nullptr; return 0; }
const char *nvrtcGetErrorString(int result) { return result == 6 ? "NVRTC_ERROR_COMPILATION" : "NVRTC_SUCCESS"; }

int cuInit(unsigned flags) { return flags != 0; }
int cuDeviceGet(int *device, int index) { *device = 70 + index; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? 9 : 0;
    return device != 73 || (attribute != 75 && attribute != 76);
}
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = (void *)0x11; return device != 73; }
int cuDevicePrimaryCtxRelease_v2(int device) { return device != 73; }
int cuCtxSetCurrent(void *context) { return context != (void *)0x11; }
int cuModuleLoadData(void **module, const char *image) { *module = dlopen(image, RTLD_NOW | RTLD_LOCAL); return *module == nullptr; }
int cuModuleUnload(void *module) { return dlclose(module); }
int cuModuleGetFunction(void **function, void *module, const char *name) {
    *function = dlsym(module, (std::string("play_") + name).c_str());
    return *function == nullptr;
}
int cuLaunchKernel(
    void *function, unsigned x, unsigned y, unsigned z, unsigned blockX, unsigned blockY, unsigned blockZ, unsigned shared, void *stream, void **words, void **extra) {
    launches++;
    if (x == 0 || y != 1 || z != 1 || blockX != 256 || blockY != 1 || blockZ != 1 || shared != 0 || stream != nullptr || extra != nullptr) {
        return 1;
    }
    return ((int (*)(void **, unsigned, unsigned, int))function)(words, x, threads, backwards);
}
}
