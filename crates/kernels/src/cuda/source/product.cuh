// Convolution and linear layer: an implicit matrix product on the tensor cores, bias, activation, residual and GEGLU while it is in registers.
//
// out[m][n] = finish(sum_k x(m, k) w[n][k]) where m is an output pixel (or token), n an output channel and k a place in the kernel's window,
// channels innermost. Activations lie channels last, weights as (channel, k) with k filled up with zeros to whole slabs of 64 bytes; the window
// is never written down anywhere. A linear layer is a window of one pixel.
//
// Every sum runs over k in one order, whatever the tile and whatever else is in the batch: the result of a row does not depend on company.
#pragma once
#include "numbers.cuh"

namespace easel {

struct ProductWork {
    const void* x;         // (rows, height, width, channels)
    const void* weight;    // (columns, stride)
    const float* bias;     // (columns), or null
    const void* row_bias;  // (rows, columns), or null
    const void* residual;  // like out, or null
    void* out;             // (rows, out_height, out_width, columns; gated: outputs)
    i64 lines;             // rows * out_height * out_width
    int height, width, channels;
    int out_height, out_width;
    int kernel, step, padding;
    int columns;  // of the weights; gated: twice the outputs, values and gates in turns of 8
    int outputs;
    int depth;   // kernel * kernel * channels
    int stride;  // depth in whole slabs
    int activation;
};

// Tiles of LINES x COLUMNS by warps of (LINES / DOWN) x (COLUMNS / ACROSS).
template <class T, int LINES, int COLUMNS, int DOWN, int ACROSS, bool GATED>
struct Tile {
    static constexpr int threads = 32 * DOWN * ACROSS;
    static constexpr int stages = 3;
    static constexpr int slab = 64 / sizeof(T);
    // 64 bytes of a line and 16 more, so that the eight lines of a matrix fall into different banks.
    static constexpr int pitch = 80;
    static constexpr int stage_bytes = (LINES + COLUMNS) * pitch;
    static constexpr int per_pass = threads / 4;
    static constexpr int passes_x = LINES / per_pass;
    static constexpr int passes_w = COLUMNS / per_pass;
    static constexpr int down = LINES / DOWN / 16;
    static constexpr int across = COLUMNS / ACROSS / 8;
    static_assert(LINES % per_pass == 0 && COLUMNS % per_pass == 0 && across % 2 == 0, "whole passes, and columns in pairs of tiles");

    const ProductWork& work;
    i64 first_line;
    int first_column;
    // The corners of the windows of the lines this thread loads.
    const T* map[passes_x];
    int top[passes_x], left[passes_x];

    DEVICE Tile(const ProductWork& w) : work(w), first_line(i64(blockIdx.x) * LINES), first_column(blockIdx.y * COLUMNS) {
        int pixels = work.out_height * work.out_width;
#pragma unroll
        for (int i = 0; i < passes_x; ++i) {
            i64 line = first_line + threadIdx.x / 4 + i * per_pass;
            bool exists = line < work.lines;
            i64 row = exists ? line / pixels : 0;
            int pixel = exists ? int(line - row * pixels) : 0;
            map[i] = static_cast<const T*>(work.x) + row * work.height * work.width * work.channels;
            // A window far above the map reads nothing but zeros.
            top[i] = exists ? pixel / work.out_width * work.step - work.padding : -(1 << 24);
            left[i] = pixel % work.out_width * work.step - work.padding;
        }
    }

    // One number of a window; `k` is its place.
    DEVICE const T* place(int i, int k, bool& exists) const {
        int tap = k / work.channels;
        int y = top[i] + tap / work.kernel, x = left[i] + tap % work.kernel;
        exists = k < work.depth && y >= 0 && y < work.height && x >= 0 && x < work.width;
        return map[i] + (exists ? (i64(y) * work.width + x) * work.channels + (k - tap * work.channels) : 0);
    }

    DEVICE void load(int index) const {
        constexpr int count = Pack<T>::count;
        unsigned char* to = shared() + index % stages * stage_bytes;
        int chunk = threadIdx.x % 4, line = threadIdx.x / 4;
        int k = index * slab + chunk * count;
#pragma unroll
        for (int i = 0; i < passes_x; ++i) {
            unsigned char* here = to + (line + i * per_pass) * pitch + chunk * 16;
            if (work.channels % count == 0) {
                bool exists;
                const T* from = place(i, k, exists);
                copy16(here, from, exists);
                continue;
            }
            // Three or four channels, at a network's edges: a pack spans several pixels.
            Pack<T> pack;
            for (int j = 0; j < count; ++j) {
                bool exists;
                const T* from = place(i, k + j, exists);
                pack.at[j] = exists ? *from : rounded<T>(0.0f);
            }
            store_pack(reinterpret_cast<T*>(here), pack);
        }
        to += LINES * pitch;
#pragma unroll
        for (int i = 0; i < passes_w; ++i) {
            int column = first_column + line + i * per_pass;
            bool exists = column < work.columns;
            const T* from = static_cast<const T*>(work.weight) + (exists ? i64(column) * work.stride + k : 0);
            copy16(to + (line + i * per_pass) * pitch + chunk * 16, from, exists);
        }
    }

    DEVICE void multiply(int index, float (&sums)[down][across][4]) const {
        const unsigned char* x = shared() + index % stages * stage_bytes;
        const unsigned char* w = x + LINES * pitch;
        int warp = threadIdx.x / 32;
        x += warp / ACROSS * (LINES / DOWN) * pitch;
        w += warp % ACROSS * (COLUMNS / ACROSS) * pitch;
#pragma unroll
        for (int part = 0; part < 64; part += 32) {
            u32 a[down][4];
#pragma unroll
            for (int i = 0; i < down; ++i) load_a(a[i], x + i * 16 * pitch + part, pitch);
#pragma unroll
            for (int j = 0; j < across; j += 2) {
                u32 pair[4];
                load_b(pair, w + j * 8 * pitch + part, pitch);
                u32 b[2][2] = {{pair[0], pair[1]}, {pair[2], pair[3]}};
#pragma unroll
                for (int i = 0; i < down; ++i) {
                    Product<T>::add(sums[i][j], a[i], b[0]);
                    Product<T>::add(sums[i][j + 1], a[i], b[1]);
                }
            }
        }
    }

    DEVICE float biased(float x, int column, i64 row) const {
        if (work.bias) x += work.bias[column];
        if (work.row_bias) x += to_float(static_cast<const T*>(work.row_bias)[row * work.columns + column]);
        return x;
    }

    // Two neighbouring results, the second of which may be beyond the last column.
    DEVICE void write(i64 line, int column, float first, float second) const {
        T* to = static_cast<T*>(work.out) + line * work.outputs + column;
        bool both = column + 1 < work.outputs;
        if (work.residual) {
            const T* more = static_cast<const T*>(work.residual) + line * work.outputs + column;
            first += to_float(more[0]);
            if (both) second += to_float(more[1]);
        }
        if (both && work.outputs % 2 == 0) {
            store_pair(to, first, second);
        } else {
            to[0] = rounded<T>(first);
            if (both) to[1] = rounded<T>(second);
        }
    }

    DEVICE void finish(const float (&sums)[down][across][4]) const {
        int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
        i64 line_of_warp = first_line + warp / ACROSS * (LINES / DOWN) + lane / 4;
        int column_of_warp = first_column + warp % ACROSS * (COLUMNS / ACROSS) + lane % 4 * 2;
        int pixels = work.out_height * work.out_width;
#pragma unroll
        for (int i = 0; i < down; ++i) {
#pragma unroll
            for (int below = 0; below < 2; ++below) {
                i64 line = line_of_warp + i * 16 + below * 8;
                if (line >= work.lines) continue;
                i64 row = line / pixels;
#pragma unroll
                for (int j = 0; j < across; j += GATED ? 2 : 1) {
                    int column = column_of_warp + j * 8;
                    float result[2];
                    if (GATED) {
                        int output = column / 16 * 8 + column % 8;
                        if (output >= work.outputs) continue;
                        for (int e = 0; e < 2; ++e) {
                            float value = biased(sums[i][j][below * 2 + e], column + e, row);
                            float gate = biased(sums[i][j + (GATED ? 1 : 0)][below * 2 + e], column + 8 + e, row);
                            result[e] = value * gelu(gate);
                        }
                        write(line, output, result[0], result[1]);
                    } else {
                        if (column >= work.outputs) continue;
                        for (int e = 0; e < 2; ++e) {
                            bool exists = column + e < work.outputs;
                            result[e] = exists ? activated(biased(sums[i][j][below * 2 + e], column + e, row), work.activation) : 0.0f;
                        }
                        write(line, column, result[0], result[1]);
                    }
                }
            }
        }
    }
};

template <class T, int LINES, int COLUMNS, int DOWN, int ACROSS, bool GATED>
DEVICE void product(const ProductWork& work) {
    using Tile = easel::Tile<T, LINES, COLUMNS, DOWN, ACROSS, GATED>;
    Tile tile(work);
    float sums[Tile::down][Tile::across][4] = {};
    int slabs = work.stride / Tile::slab;
    for (int s = 0; s < Tile::stages - 1; ++s) {
        if (s < slabs) tile.load(s);
        copies_end();
    }
    for (int s = 0; s < slabs; ++s) {
        copies_wait<Tile::stages - 2>();
        // Slab s is there for everybody, and everybody is done with the one whose place is filled next.
        __syncthreads();
        if (s + Tile::stages - 1 < slabs) tile.load(s + Tile::stages - 1);
        copies_end();
        tile.multiply(s, sums);
    }
    tile.finish(sums);
}

}  // namespace easel
