// Number formats, sixteen bytes of them at a time, tensor-core products, and activations.
#pragma once
#ifdef EASEL_EMULATOR
#include "emulator.h"
#else
#include "device.cuh"
#endif

namespace easel {

template <class T>
DEVICE T rounded(float x) {
    T to;
    round_to(x, to);
    return to;
}

// What one load or store of a thread moves at best.
template <class T>
struct alignas(16) Pack {
    static constexpr int count = 16 / sizeof(T);
    T at[count];
};

template <class T>
DEVICE Pack<T> load_pack(const T* from) {
    return *reinterpret_cast<const Pack<T>*>(from);
}
template <class T>
DEVICE void store_pack(T* to, const Pack<T>& pack) {
    *reinterpret_cast<Pack<T>*>(to) = pack;
}

template <class T>
struct alignas(2 * sizeof(T)) Pair {
    T first, second;
};
template <class T>
DEVICE void store_pair(T* to, float first, float second) {
    *reinterpret_cast<Pair<T>*>(to) = {rounded<T>(first), rounded<T>(second)};
}

// Products of a warp: c (16x8) += a (16 x depth) b (depth x 8), with `depth` numbers of T in 32 bytes. Lane l = 4 g + t holds of c the places
// (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1).
template <class T>
struct Product {
    static constexpr int depth = 16;
    static DEVICE void add(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2]) { multiply_add(c, a, b, T{}); }
};

// f32 by three products of its upper halves: what is lost is the product of the lower ones, 2^-22 of the whole.
template <>
struct Product<float> {
    static constexpr int depth = 8;
    static DEVICE void add(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2]) {
        u32 a_high[4], a_low[4], b_high[2], b_low[2];
        for (int i = 0; i < 4; ++i) split(a[i], a_high[i], a_low[i]);
        for (int i = 0; i < 2; ++i) split(b[i], b_high[i], b_low[i]);
        multiply_add_tf32(c, a_low, b_high);
        multiply_add_tf32(c, a_high, b_low);
        multiply_add_tf32(c, a_high, b_high);
    }
    static DEVICE void split(u32 x, u32& high, u32& low) {
        high = x & 0xffffe000u;
        low = float_bits(bits_float(x) - bits_float(high));
    }
};

// The fragment of 16 lines of `a` from shared memory, 32 bytes of each line. The same for every format: a tf32 fragment has one number where
// a 16-bit fragment has a pair.
DEVICE void load_a(u32 (&a)[4], const unsigned char* lines, int stride) {
    int lane = threadIdx.x % 32;
    load_matrices(a, lines + (lane % 16) * stride + (lane / 16) * 16);
}
// The fragments of 8 (or 16) columns of `b`, stored as lines of 32 bytes each.
DEVICE void load_b(u32 (&b)[2], const unsigned char* lines, int stride) {
    int lane = threadIdx.x % 32;
    load_matrices(b, lines + (lane % 8) * stride + (lane / 8 % 2) * 16);
}
DEVICE void load_b(u32 (&b)[4], const unsigned char* lines, int stride) {
    int lane = threadIdx.x % 32;
    load_matrices(b, lines + (lane % 8 + lane / 16 * 8) * stride + (lane / 8 % 2) * 16);
}

enum Activation : int { Plain = 0, Silu = 1, Gelu = 2, QuickGelu = 3 };

DEVICE float gelu(float x) { return 0.5f * x * (1.0f + erff(x * 0.70710678f)); }

DEVICE float activated(float x, int activation) {
    switch (activation) {
        case Silu: return x / (1.0f + expf(-x));
        case Gelu: return gelu(x);
        case QuickGelu: return x / (1.0f + expf(-1.702f * x));
        default: return x;
    }
}

// The sum over the warp, the same in every lane: halves are added in one order whatever the values are.
template <class F>
DEVICE F warp_sum(F x) {
    for (int mask = 16; mask > 0; mask /= 2) x += exchange(x, mask);
    return x;
}

constexpr DEVICE int round_up(int x, int to) { return (x + to - 1) / to * to; }

}  // namespace easel
