// What the kernels take from a CUDA device. `emulator/emulator.h` gives the same names to the host's C++ compiler.
//
// No header of the toolkit is included: the kernels are compiled when the program starts, on machines that have NVRTC and no toolkit.
#pragma once

#define DEVICE __device__ __forceinline__

namespace easel {

using u16 = unsigned short;
using u32 = unsigned int;
using i64 = long long;

struct Half {
    u16 bits;
};
struct Bfloat {
    u16 bits;
};

DEVICE float to_float(float x) { return x; }
DEVICE float to_float(Half x) {
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
}
DEVICE float to_float(Bfloat x) { return __uint_as_float(u32(x.bits) << 16); }

DEVICE void round_to(float x, float& to) { to = x; }
DEVICE void round_to(float x, Half& to) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(to.bits) : "f"(x)); }
DEVICE void round_to(float x, Bfloat& to) { asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(to.bits) : "f"(x)); }

DEVICE u32 float_bits(float x) { return __float_as_uint(x); }
DEVICE float bits_float(u32 x) { return __uint_as_float(x); }

// The block's dynamic shared memory.
DEVICE unsigned char* shared() {
    extern __shared__ __align__(128) unsigned char memory[];
    return memory;
}

// The value of the lane whose number differs in the bits of `mask`.
DEVICE float exchange(float x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }
DEVICE double exchange(double x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }

DEVICE u32 shared_address(const void* p) { return u32(__cvta_generic_to_shared(p)); }

// Sixteen bytes from global to shared memory behind the computation; zeros where `from` is not to be read.
DEVICE void copy16(void* to, const void* from, bool read) {
    int bytes = read ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes) : "memory");
}
// Ends a group of copies.
DEVICE void copies_end() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until all but the last N groups have arrived.
template <int N>
DEVICE void copies_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

// Four (or two) 8x8 matrices of 16-bit numbers from shared memory: lane l gives the address of a line of matrix l / 8, and gets of each
// matrix the 32 bits at line l / 4, place l % 4 (transposed: of the transposed matrix).
DEVICE void load_matrices(u32 (&r)[4], const void* line) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(line))
                 : "memory");
}
DEVICE void load_matrices(u32 (&r)[2], const void* line) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(shared_address(line))
                 : "memory");
}
DEVICE void load_transposed(u32 (&r)[4], const void* line) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(line))
                 : "memory");
}
DEVICE void load_transposed(u32 (&r)[2], const void* line) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(shared_address(line))
                 : "memory");
}

// c (16x8, f32) += a (16x16) b (16x8), the fragments as in the PTX manual's m16n8k16.
DEVICE void multiply_add(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2], Half) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
DEVICE void multiply_add(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2], Bfloat) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
// c (16x8, f32) += a (16x8) b (8x8) of the upper 19 bits of f32 numbers (m16n8k8, tf32).
DEVICE void multiply_add_tf32(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

}  // namespace easel
