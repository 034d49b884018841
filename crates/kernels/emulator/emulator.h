// The names of `device.cuh` for the host's C++ compiler: a block's threads run as fibers, one after the other, from barrier to barrier.
//
// What is emulated is what the kernels may rely on and no more. Shared memory is full of NaN when a block begins. A copy that was started
// arrives when it is waited for and not before. Warps run as far ahead of each other as barriers allow, in an order that the caller chooses, so
// that a missing barrier shows in one order or the other. Fragments are laid out as in the PTX manual. Deliberately absent: time, and anything
// that blocks could tell each other; several of them run at once, each on a thread of the host.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#define DEVICE inline

namespace easel {

using u16 = unsigned short;
using u32 = unsigned int;
using i64 = long long;

struct Place {
    unsigned x, y, z;
};
// Of the fiber that runs. `__thread` and not `thread_local`, which asks at every use whether the variable has been constructed.
extern __thread Place threadIdx, blockIdx;

struct Half {
    u16 bits;
};
struct Bfloat {
    u16 bits;
};

inline u32 float_bits(float x) {
    u32 bits;
    std::memcpy(&bits, &x, 4);
    return bits;
}
inline float bits_float(u32 bits) {
    float x;
    std::memcpy(&x, &bits, 4);
    return x;
}

inline float to_float(float x) { return x; }
float to_float(Half x);
inline float to_float(Bfloat x) { return bits_float(u32(x.bits) << 16); }
inline void round_to(float x, float& to) { to = x; }
void round_to(float x, Half& to);
void round_to(float x, Bfloat& to);

unsigned char* shared();
void __syncthreads();

// Every lane of a warp gives 8 bytes and sees everybody's.
const uint64_t* meet(uint64_t mine);

// What a warp multiplies at once: the registers that each lane gave, and the whole product, which the first lane to look works out.
struct Fragments {
    u32 a[32][4], b[32][2];
    float sums[16][8];
    bool multiplied;
};

// Every lane of a warp gives its registers and sees everybody's.
Fragments& meet(const u32 (&a)[4], const u32 (&b)[2]);

inline float exchange(float x, int mask) { return bits_float(u32(meet(float_bits(x))[threadIdx.x % 32 ^ unsigned(mask)])); }
inline double exchange(double x, int mask) {
    uint64_t bits;
    std::memcpy(&bits, &x, 8);
    bits = meet(bits)[threadIdx.x % 32 ^ unsigned(mask)];
    std::memcpy(&x, &bits, 8);
    return x;
}

void copy16(void* to, const void* from, bool read);
void copies_end();
void copies_wait_for(int left);
template <int N>
void copies_wait() {
    copies_wait_for(N);
}

void load_matrices(u32 (&r)[4], const void* line);
void load_matrices(u32 (&r)[2], const void* line);
void load_transposed(u32 (&r)[4], const void* line);
void load_transposed(u32 (&r)[2], const void* line);
void multiply_add(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2], Half);
void multiply_add(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2], Bfloat);
void multiply_add_tf32(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2]);

}  // namespace easel
