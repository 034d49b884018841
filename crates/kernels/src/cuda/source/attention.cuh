// Attention in one pass over the keys (Dao et al. 2022, 2023): scores and weights stay in registers, the softmax is corrected as larger
// scores turn up. Numbers of T in, f32 sums and softmax.
//
// A block has 16 queries of one head for each of its warps. The widest heads (the autoencoder's single one of 512) are cut along the columns
// of V; each block then computes the scores anew, which costs less than keeping 512 sums for each query.
#pragma once
#include "numbers.cuh"

namespace easel {

struct AttentionWork {
    const void* q;  // (rows, queries, heads * SIZE)
    const void* k;  // (rows, keys, heads * SIZE)
    const void* v;
    void* out;  // like q
    int queries, keys, heads;
    int causal;
    float scale;  // of the scores, times log2 e: exponentials are of base 2
};

// SIZE: of a head. COLUMNS: of V for one block, a multiple of 8. KEYS: at a time, a multiple of Product<T>::depth.
template <class T, int SIZE, int COLUMNS, int KEYS, int WARPS>
struct Heads {
    static constexpr int threads = 32 * WARPS;
    static constexpr int queries = 16 * WARPS;
    static constexpr int slices = (SIZE + COLUMNS - 1) / COLUMNS;
    static constexpr int depth = Product<T>::depth;
    // Bytes of a line in shared memory: 16 more than a multiple of 32, so that eight lines fall into different banks.
    static constexpr int pitch = round_up(SIZE, depth) * int(sizeof(T)) + 16;
    static constexpr int pitch_v = round_up(COLUMNS, depth) * int(sizeof(T)) + 16;
    static constexpr int bytes = (queries + KEYS) * pitch + KEYS * pitch_v;
    static constexpr int tiles = KEYS / 8;
    static constexpr int outputs = COLUMNS / 8;
    static_assert(KEYS % depth == 0 && COLUMNS % 8 == 0, "whole fragments");

    const AttentionWork& work;
    int width, head, column, row, first_query;

    DEVICE Heads(const AttentionWork& w) : work(w) {
        width = work.heads * SIZE;
        head = blockIdx.y / slices;
        column = blockIdx.y % slices * COLUMNS;
        row = blockIdx.z;
        first_query = blockIdx.x * queries;
    }

    static DEVICE unsigned char* lines_q() { return shared(); }
    static DEVICE unsigned char* lines_k() { return shared() + queries * pitch; }
    static DEVICE unsigned char* lines_v() { return shared() + (queries + KEYS) * pitch; }

    // Lines first.. of one head to shared memory, from `start` on; zeros beyond the last line, the head and the slice.
    template <int LINES, int WIDTH, int PITCH>
    DEVICE void load(unsigned char* to, const void* from, int first, int lines, int start) const {
        constexpr int count = Pack<T>::count;
        constexpr int packs = (PITCH - 16) / 16;
        const T* base = static_cast<const T*>(from) + i64(row) * lines * width + head * SIZE + start;
        int columns = SIZE - start < WIDTH ? SIZE - start : WIDTH;
        for (int i = threadIdx.x; i < LINES * packs; i += threads) {
            int line = i / packs, place = i % packs * count;
            unsigned char* here = to + line * PITCH + place * int(sizeof(T));
            const T* there = base + i64(first + line) * width + place;
            bool exists = first + line < lines;
            if (SIZE % count == 0) {
                bool read = exists && place < columns;
                copy16(here, read ? there : base, read);
                continue;
            }
            // Heads too narrow for whole packs.
            Pack<T> pack;
            for (int j = 0; j < count; ++j) pack.at[j] = exists && place + j < columns ? there[j] : rounded<T>(0.0f);
            store_pack(reinterpret_cast<T*>(here), pack);
        }
    }
    DEVICE void load_k(int first) const { load<KEYS, SIZE, pitch>(lines_k(), work.k, first, work.keys, 0); }
    DEVICE void load_v(int first) const { load<KEYS, COLUMNS, pitch_v>(lines_v(), work.v, first, work.keys, column); }

    // scores = q k^T of the warp's 16 queries.
    DEVICE void score(float (&scores)[tiles][4]) const {
        const unsigned char* q = lines_q() + threadIdx.x / 32 * 16 * pitch;
#pragma unroll
        for (int part = 0; part < pitch - 16; part += 32) {
            u32 a[4];
            load_a(a, q + part, pitch);
#pragma unroll
            for (int j = 0; j < tiles; ++j) {
                if (j % 2 == 0 && j + 1 < tiles) {
                    u32 pair[4];
                    load_b(pair, lines_k() + j * 8 * pitch + part, pitch);
                    u32 b[2][2] = {{pair[0], pair[1]}, {pair[2], pair[3]}};
                    Product<T>::add(scores[j], a, b[0]);
                    Product<T>::add(scores[j + 1 < tiles ? j + 1 : j], a, b[1]);
                } else if (j % 2 == 0) {
                    u32 b[2];
                    load_b(b, lines_k() + j * 8 * pitch + part, pitch);
                    Product<T>::add(scores[j], a, b);
                }
            }
        }
    }

    // Scores of keys a query may not see become minus infinity.
    DEVICE void hide(float (&scores)[tiles][4], int first_key) const {
        int lane = threadIdx.x % 32;
        int query = first_query + threadIdx.x / 32 * 16 + lane / 4;
        if (first_key + KEYS <= work.keys && !work.causal) return;
#pragma unroll
        for (int j = 0; j < tiles; ++j) {
#pragma unroll
            for (int e = 0; e < 4; ++e) {
                int key = first_key + j * 8 + lane % 4 * 2 + e % 2;
                if (key >= work.keys || (work.causal && key > query + e / 2 * 8)) scores[j][e] = -infinity();
            }
        }
    }
    static DEVICE float infinity() { return bits_float(0x7f800000u); }

    // Weights from scores, and the sums so far brought to the new maximum. `half` is the upper or the lower of a lane's two queries.
    DEVICE void soften(float (&scores)[tiles][4], float (&sums)[outputs][4], float& maximum, float& total, int half) const {
        float largest = maximum;
#pragma unroll
        for (int j = 0; j < tiles; ++j) largest = fmaxf(largest, fmaxf(scores[j][half * 2], scores[j][half * 2 + 1]));
        largest = fmaxf(largest, exchange(largest, 1));
        largest = fmaxf(largest, exchange(largest, 2));
        // Nothing seen yet: any finite number will do, all weights are 0.
        float base = largest == -infinity() ? 0.0f : largest * work.scale;
        float correction = exp2f(maximum * work.scale - base);
        maximum = largest;
        float added = 0.0f;
#pragma unroll
        for (int j = 0; j < tiles; ++j) {
#pragma unroll
            for (int e = half * 2; e < half * 2 + 2; ++e) {
                scores[j][e] = exp2f(scores[j][e] * work.scale - base);
                added += scores[j][e];
            }
        }
        total = total * correction + added;
#pragma unroll
        for (int j = 0; j < outputs; ++j) {
            sums[j][half * 2] *= correction;
            sums[j][half * 2 + 1] *= correction;
        }
    }

    // sums += weights v. The weights go from one product to the next in registers.
    DEVICE void gather(const float (&weights)[tiles][4], float (&sums)[outputs][4]) const {
#pragma unroll
        for (int key = 0; key < KEYS; key += depth) {
            u32 a[4];
            fragment(weights, key / 8, a, T{});
#pragma unroll
            for (int j = 0; j < outputs; ++j) values(key, j, a, sums, T{});
        }
    }

    template <class H>
    static DEVICE u32 packed(float low, float high) {
        return u32(rounded<H>(low).bits) | u32(rounded<H>(high).bits) << 16;
    }
    // Sixteen keys of 16-bit weights: what the lane holds of two score tiles is what it must give of one fragment.
    template <class H>
    static DEVICE void fragment(const float (&weights)[tiles][4], int j, u32 (&a)[4], H) {
        constexpr int last = tiles - 1;
        a[0] = packed<H>(weights[j][0], weights[j][1]);
        a[1] = packed<H>(weights[j][2], weights[j][3]);
        a[2] = packed<H>(weights[j < last ? j + 1 : last][0], weights[j < last ? j + 1 : last][1]);
        a[3] = packed<H>(weights[j < last ? j + 1 : last][2], weights[j < last ? j + 1 : last][3]);
    }
    // Eight keys of f32 weights, in the order 0 2 4 6 1 3 5 7: that is the order in which the lanes hold them.
    static DEVICE void fragment(const float (&weights)[tiles][4], int j, u32 (&a)[4], float) {
        a[0] = float_bits(weights[j][0]);
        a[1] = float_bits(weights[j][2]);
        a[2] = float_bits(weights[j][1]);
        a[3] = float_bits(weights[j][3]);
    }

    template <class H>
    DEVICE void values(int key, int j, const u32 (&a)[4], float (&sums)[outputs][4], H) const {
        int lane = threadIdx.x % 32;
        const unsigned char* line = lines_v() + (key + lane % 16) * pitch_v + j * 16;
        if (j % 2 == 0 && j + 1 < outputs) {
            u32 pair[4];
            load_transposed(pair, line + lane / 16 * 16);
            u32 b[2][2] = {{pair[0], pair[1]}, {pair[2], pair[3]}};
            Product<T>::add(sums[j], a, b[0]);
            Product<T>::add(sums[j + 1 < outputs ? j + 1 : j], a, b[1]);
        } else if (j % 2 == 0) {
            u32 b[2];
            load_transposed(b, line);
            Product<T>::add(sums[j], a, b);
        }
    }
    DEVICE void values(int key, int j, const u32 (&a)[4], float (&sums)[outputs][4], float) const {
        int lane = threadIdx.x % 32;
        const unsigned char* line = lines_v() + (key + lane % 4 * 2) * pitch_v + (j * 8 + lane / 4) * 4;
        u32 b[2] = {*reinterpret_cast<const u32*>(line), *reinterpret_cast<const u32*>(line + pitch_v)};
        Product<T>::add(sums[j], a, b);
    }

    DEVICE void write(const float (&sums)[outputs][4], float total, int half) const {
        int lane = threadIdx.x % 32;
        int query = first_query + threadIdx.x / 32 * 16 + lane / 4 + half * 8;
        total += exchange(total, 1);
        total += exchange(total, 2);
        if (query >= work.queries) return;
        float factor = 1.0f / total;
        T* to = static_cast<T*>(work.out) + (i64(row) * work.queries + query) * width + head * SIZE;
#pragma unroll
        for (int j = 0; j < outputs; ++j) {
            int place = column + j * 8 + lane % 4 * 2;
            // A head's size is even, so a pair is whole or absent.
            if (place < SIZE) store_pair(to + place, sums[j][half * 2] * factor, sums[j][half * 2 + 1] * factor);
        }
    }
};

template <class T, int SIZE, int COLUMNS, int KEYS, int WARPS>
DEVICE void attention(const AttentionWork& work) {
    using Heads = easel::Heads<T, SIZE, COLUMNS, KEYS, WARPS>;
    Heads heads(work);
    float sums[Heads::outputs][4] = {};
    float maximum[2] = {-Heads::infinity(), -Heads::infinity()}, total[2] = {0.0f, 0.0f};
    heads.template load<Heads::queries, SIZE, Heads::pitch>(Heads::lines_q(), work.q, heads.first_query, work.queries, 0);
    heads.load_k(0);
    copies_end();
    // What comes behind the last query of the block is hidden from all of them.
    int keys = work.keys;
    if (work.causal && heads.first_query + Heads::queries < keys) keys = heads.first_query + Heads::queries;
    for (int key = 0; key < keys; key += KEYS) {
        heads.load_v(key);
        copies_end();
        copies_wait<1>();
        __syncthreads();
        float scores[Heads::tiles][4] = {};
        heads.score(scores);
        heads.hide(scores, key);
        heads.soften(scores, sums, maximum[0], total[0], 0);
        heads.soften(scores, sums, maximum[1], total[1], 1);
        // Everybody is done with these keys; the next ones arrive while the values are gathered.
        __syncthreads();
        if (key + KEYS < keys) heads.load_k(key + KEYS);
        copies_end();
        copies_wait<1>();
        __syncthreads();
        heads.gather(scores, sums);
        __syncthreads();
    }
    heads.write(sums, total[0], 0);
    heads.write(sums, total[1], 1);
}

}  // namespace easel
