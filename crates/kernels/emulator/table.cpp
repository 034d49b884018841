// The kernels that can be emulated, by the expression that names them in a device program.
#include <cstring>

#define EASEL_EMULATOR
#include "attention.cuh"
#include "elementwise.cuh"
#include "fibers.h"
#include "norm.cuh"
#include "product.cuh"
#include "step.cuh"

namespace easel {
namespace {

template <class Work, void (*KERNEL)(const Work&)>
void run(const void* work) {
    KERNEL(*static_cast<const Work*>(work));
}

struct Entry {
    const char* name;
    size_t work_bytes;
    void (*run)(const void*);
};

#define ENTRY(Work, ...) {#__VA_ARGS__, sizeof(Work), run<Work, __VA_ARGS__>},
#define PRODUCTS(T)                                        \
    ENTRY(ProductWork, product<T, 128, 128, 2, 4, false>)  \
    ENTRY(ProductWork, product<T, 128, 128, 2, 4, true>)   \
    ENTRY(ProductWork, product<T, 64, 64, 2, 2, false>)    \
    ENTRY(ProductWork, product<T, 64, 64, 2, 2, true>)
// Head sizes of Stable Diffusion, of CLIP, of the autoencoder, and of the small models of the tests.
#define HEADS(T)                                 \
    ENTRY(AttentionWork, attention<T, 4, 8, 64, 4>)     \
    ENTRY(AttentionWork, attention<T, 8, 8, 64, 4>)     \
    ENTRY(AttentionWork, attention<T, 16, 16, 64, 4>)   \
    ENTRY(AttentionWork, attention<T, 32, 32, 64, 4>)   \
    ENTRY(AttentionWork, attention<T, 40, 40, 64, 4>)   \
    ENTRY(AttentionWork, attention<T, 64, 64, 64, 4>)   \
    ENTRY(AttentionWork, attention<T, 80, 80, 64, 4>)   \
    ENTRY(AttentionWork, attention<T, 160, 160, 64, 4>) \
    ENTRY(AttentionWork, attention<T, 512, 128, 16, 4>)
#define NORMS(T)                       \
    ENTRY(NormWork, moments<T>)        \
    ENTRY(NormWork, normalise<T>)      \
    ENTRY(NormWork, layer_norm<T>)     \
    ENTRY(ElementsWork, activate<T>)   \
    ENTRY(ElementsWork, add<T>)        \
    ENTRY(RowsWork, scale_rows<T>)     \
    ENTRY(RowsWork, gate<T>)           \
    ENTRY(InputWork, denoiser_input<T>) \
    ENTRY(UpdateWork, advance<T>)      \
    ENTRY(RescaleWork, rescale<T>)
#define MOVES(U)                    \
    ENTRY(MoveWork, upsample<U>)    \
    ENTRY(MoveWork, pad<U>)         \
    ENTRY(MoveWork, place<U>)

const Entry entries[] = {
    PRODUCTS(float) PRODUCTS(Half) PRODUCTS(Bfloat)
    HEADS(Half) HEADS(Bfloat)
    ENTRY(AttentionWork, attention<float, 4, 8, 64, 4>)
    ENTRY(AttentionWork, attention<float, 8, 8, 64, 4>)
    ENTRY(AttentionWork, attention<float, 16, 16, 64, 4>)
    ENTRY(AttentionWork, attention<float, 32, 32, 64, 4>)
    ENTRY(AttentionWork, attention<float, 40, 40, 64, 4>)
    ENTRY(AttentionWork, attention<float, 64, 64, 64, 4>)
    ENTRY(AttentionWork, attention<float, 80, 80, 64, 4>)
    ENTRY(AttentionWork, attention<float, 160, 160, 32, 4>)
    ENTRY(AttentionWork, attention<float, 512, 128, 8, 2>)
    NORMS(float) NORMS(Half) NORMS(Bfloat)
    MOVES(Unit16) MOVES(Unit8) MOVES(u32) MOVES(u16)
    ENTRY(ElementsWork, convert<float, Half>)
    ENTRY(ElementsWork, convert<float, Bfloat>)
    ENTRY(ElementsWork, convert<Half, float>)
    ENTRY(ElementsWork, convert<Bfloat, float>)
};

}  // namespace
}  // namespace easel

// 0: done. 1: no such kernel. 2: the caller's idea of the work has another size. Several threads may run blocks of one grid.
extern "C" int easel_emulate(const char* name, const void* work, size_t work_bytes, const unsigned* grid, size_t first, size_t end,
                             unsigned threads, size_t shared_bytes, int backwards) {
    for (const auto& entry : easel::entries) {
        if (std::strcmp(entry.name, name)) continue;
        if (entry.work_bytes != work_bytes) return 2;
        easel::launch(entry.run, work, grid, {first, end}, threads, shared_bytes, backwards != 0);
        return 0;
    }
    return 1;
}
