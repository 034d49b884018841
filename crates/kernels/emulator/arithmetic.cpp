// 16-bit formats and the tensor core's instructions, fragments as the PTX manual lays them out.
#include "emulator.h"

namespace easel {

float to_float(Half x) {
    u32 sign = u32(x.bits & 0x8000) << 16, exponent = x.bits >> 10 & 31, fraction = x.bits & 1023;
    if (exponent == 31) return bits_float(sign | 0x7f800000u | fraction << 13);
    if (exponent == 0) return bits_float(sign | float_bits(float(fraction) * 0x1p-24f));
    return bits_float(sign | (exponent + 112) << 23 | fraction << 13);
}

void round_to(float x, Half& to) {
    u32 bits = float_bits(x), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
    if (size > 0x7f800000u) {
        to.bits = 0x7fff;
    } else if (size >= 0x477ff000u) {
        to.bits = u16(sign | 0x7c00);
    } else if (size < 0x38800000u) {
        // Below 2^-14 the step is 2^-24: adding 0.5 leaves exactly those bits, rounded to even.
        to.bits = u16(sign | (float_bits(bits_float(size) + 0.5f) - 0x3f000000u));
    } else {
        u32 rounded = size - 0x38000000u + 0xfff + (size >> 13 & 1);
        to.bits = u16(sign | rounded >> 13);
    }
}

void round_to(float x, Bfloat& to) {
    u32 bits = float_bits(x);
    if ((bits & 0x7fffffff) > 0x7f800000u) to.bits = 0x7fff;
    else to.bits = u16((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

namespace {

unsigned lane() { return threadIdx.x % 32; }

// Matrix m of the lane's line addresses.
template <bool TRANSPOSED>
u32 matrix(const uint64_t* lines, int m) {
    auto line = [&](unsigned i) { return reinterpret_cast<const u16*>(lines[m * 8 + i]); };
    unsigned i = lane() / 4, j = lane() % 4 * 2;
    if (TRANSPOSED) return u32(line(j)[i]) | u32(line(j + 1)[i]) << 16;
    return u32(line(i)[j]) | u32(line(i)[j + 1]) << 16;
}

template <bool TRANSPOSED, int N>
void load(u32 (&r)[N], const void* line) {
    // The two-matrix form ignores the addresses of the upper lanes.
    if (reinterpret_cast<uintptr_t>(line) % 16) __builtin_trap();
    const uint64_t* lines = meet(reinterpret_cast<uintptr_t>(line));
    for (int m = 0; m < N; ++m) r[m] = matrix<TRANSPOSED>(lines, m);
}

template <class T>
float half_of(u32 word, int half) {
    T x;
    x.bits = u16(word >> 16 * half);
    return to_float(x);
}

float tf32(u32 bits) { return bits_float(bits & 0xffffe000u); }

// Lane l = 4 g + t holds of A lines g and g + 8, and both again in the second half of the depth; of B column g, in both halves.
u32 of_a(const Fragments& f, int line, int t, int half) { return f.a[line % 8 * 4 + t][line / 8 + 2 * half]; }
u32 of_b(const Fragments& f, int t, int column, int half) { return f.b[column * 4 + t][half]; }

using Four = float __attribute__((vector_size(16)));

// Every sum begins at zero and runs over the depth in order; eight columns side by side.
template <int DEPTH>
void sum_up(const float (&a)[16][DEPTH], const float (&b)[DEPTH][8], float (&to)[16][8]) {
    Four left[DEPTH], right[DEPTH];
    for (int k = 0; k < DEPTH; ++k) {
        std::memcpy(&left[k], b[k], sizeof(Four));
        std::memcpy(&right[k], b[k] + 4, sizeof(Four));
    }
    for (int line = 0; line < 16; ++line) {
        Four sums[2] = {};
        for (int k = 0; k < DEPTH; ++k) {
            float x = a[line][k];
            Four all = {x, x, x, x};
            sums[0] += all * left[k];
            sums[1] += all * right[k];
        }
        std::memcpy(to[line], sums, sizeof sums);
    }
}

template <class T>
void multiply_16(Fragments& f) {
    float a[16][16], b[16][8];
    for (int k = 0; k < 16; ++k) {
        for (int line = 0; line < 16; ++line) a[line][k] = half_of<T>(of_a(f, line, k % 8 / 2, k / 8), k % 2);
        for (int column = 0; column < 8; ++column) b[k][column] = half_of<T>(of_b(f, k % 8 / 2, column, k / 8), k % 2);
    }
    sum_up(a, b, f.sums);
}

void multiply_tf32(Fragments& f) {
    float a[16][8], b[8][8];
    for (int k = 0; k < 8; ++k) {
        for (int line = 0; line < 16; ++line) a[line][k] = tf32(of_a(f, line, k % 4, k / 4));
        for (int column = 0; column < 8; ++column) b[k][column] = tf32(of_b(f, k % 4, column, k / 4));
    }
    sum_up(a, b, f.sums);
}

// The product is the warp's, so that it is worked out once and not by each of 32 lanes.
void multiply(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2], void (*product)(Fragments&)) {
    Fragments& f = meet(a, b);
    if (!f.multiplied) {
        product(f);
        f.multiplied = true;
    }
    for (int e = 0; e < 4; ++e) c[e] += f.sums[lane() / 4 + e / 2 * 8][lane() % 4 * 2 + e % 2];
}

}  // namespace

void load_matrices(u32 (&r)[4], const void* line) { load<false>(r, line); }
void load_matrices(u32 (&r)[2], const void* line) { load<false>(r, line); }
void load_transposed(u32 (&r)[4], const void* line) { load<true>(r, line); }
void load_transposed(u32 (&r)[2], const void* line) { load<true>(r, line); }

void multiply_add(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2], Half) { multiply(c, a, b, multiply_16<Half>); }
void multiply_add(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2], Bfloat) { multiply(c, a, b, multiply_16<Bfloat>); }
void multiply_add_tf32(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2]) { multiply(c, a, b, multiply_tf32); }

}  // namespace easel
