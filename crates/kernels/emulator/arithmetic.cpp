// 16-bit formats and the tensor core's instructions, lane by lane as the PTX manual lays them out.
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
float half_of(uint64_t word, int half) {
    T x;
    x.bits = u16(word >> 16 * half);
    return to_float(x);
}

float tf32(u32 bits) { return bits_float(bits & 0xffffe000u); }

struct Fragments {
    uint64_t a01[32], a23[32], b01[32];
    Fragments(const u32 (&a)[4], const u32 (&b)[2]) {
        std::memcpy(a01, meet(u32(a[0]) | uint64_t(a[1]) << 32), sizeof a01);
        std::memcpy(a23, meet(u32(a[2]) | uint64_t(a[3]) << 32), sizeof a23);
        std::memcpy(b01, meet(u32(b[0]) | uint64_t(b[1]) << 32), sizeof b01);
    }
    // Registers of A: line g, line g + 8, and both again in the second half of the depth.
    u32 a(int line, int t, int half) const {
        uint64_t both = (half ? a23 : a01)[line % 8 * 4 + t];
        return u32(line < 8 ? both : both >> 32);
    }
    u32 b(int t, int column, int half) const { return u32(half ? b01[column * 4 + t] >> 32 : b01[column * 4 + t]); }
};

template <class F>
void each_result(float (&c)[4], F sum) {
    for (int e = 0; e < 4; ++e) c[e] += sum(int(lane() / 4) + e / 2 * 8, int(lane() % 4) * 2 + e % 2);
}

template <class T>
void multiply_16(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    Fragments f(a, b);
    each_result(c, [&](int line, int column) {
        float sum = 0.0f;
        for (int half = 0; half < 2; ++half) {
            for (int t = 0; t < 4; ++t) {
                for (int i = 0; i < 2; ++i) sum += half_of<T>(f.a(line, t, half), i) * half_of<T>(f.b(t, column, half), i);
            }
        }
        return sum;
    });
}

}  // namespace

void load_matrices(u32 (&r)[4], const void* line) { load<false>(r, line); }
void load_matrices(u32 (&r)[2], const void* line) { load<false>(r, line); }
void load_transposed(u32 (&r)[4], const void* line) { load<true>(r, line); }
void load_transposed(u32 (&r)[2], const void* line) { load<true>(r, line); }

void multiply_add(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2], Half) { multiply_16<Half>(c, a, b); }
void multiply_add(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2], Bfloat) { multiply_16<Bfloat>(c, a, b); }

void multiply_add_tf32(float (&c)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    Fragments f(a, b);
    each_result(c, [&](int line, int column) {
        float sum = 0.0f;
        for (int half = 0; half < 2; ++half) {
            for (int t = 0; t < 4; ++t) sum += tf32(f.a(line, t, half)) * tf32(f.b(t, column, half));
        }
        return sum;
    });
}

}  // namespace easel
