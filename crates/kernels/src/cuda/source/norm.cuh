// Normalisation of maps by groups of channels, with the activation behind it, and of tokens over their channels. Statistics in f32, by
// Welford's method and Chan's way of joining parts.
//
// GroupNorm takes two launches: `moments` writes mean and squared deviation of each group in each of a row's parts, `normalise` joins them
// and writes the result. How a row is cut depends on its shape alone, so a row's result does not depend on the batch.
#pragma once
#include "numbers.cuh"

namespace easel {

struct NormWork {
    const void* x;       // (rows, pixels, channels)
    void* out;           // the same
    float* moments;      // (rows, parts, groups, 2)
    const float* scale;  // (channels)
    const float* shift;
    i64 lines;  // rows * pixels, of a layer normalisation
    int pixels, channels, groups;
    int parts;  // of a row, each of `per_part` pixels but for the last
    int per_part;
    int activation;
    float epsilon;
};

constexpr int norm_threads = 256;

// The pixels of a block, and which packs of channels its threads have: thread i has pack i % packs of every lanes-th pixel.
template <class T>
struct Part {
    static constexpr int count = Pack<T>::count;
    int packs, lanes, lane, first, end;

    DEVICE Part(const NormWork& work) {
        packs = (work.channels + count - 1) / count;
        lanes = norm_threads / packs > 0 ? norm_threads / packs : 1;
        lane = threadIdx.x / packs;
        first = blockIdx.x * work.per_part;
        end = first + work.per_part < work.pixels ? first + work.per_part : work.pixels;
    }
    // Beyond 256 packs a thread has several, and there is one lane.
    DEVICE int first_pack() const { return lanes > 1 ? threadIdx.x % packs : threadIdx.x; }
    DEVICE bool idle() const { return lanes > 1 && lane >= lanes; }
    DEVICE int first_pixel() const { return first + (lanes > 1 ? lane : 0); }
};

template <class T>
DEVICE Pack<T> load_some(const T* from, int channels, int start) {
    constexpr int count = Pack<T>::count;
    if (channels % count == 0) return load_pack(from + start);
    Pack<T> pack;
    for (int j = 0; j < count; ++j) pack.at[j] = start + j < channels ? from[start + j] : rounded<T>(0.0f);
    return pack;
}

template <class T>
DEVICE void store_some(T* to, int channels, int start, const Pack<T>& pack) {
    constexpr int count = Pack<T>::count;
    if (channels % count == 0) return store_pack(to + start, pack);
    for (int j = 0; j < count && start + j < channels; ++j) to[start + j] = pack.at[j];
}

// How many of a part's pixels a lane has.
DEVICE int lane_pixels(int pixels, int lanes, int lane) { return (pixels - lane + lanes - 1) / lanes; }

// Shared memory: means and squared deviations, (lanes, channels) each.
template <class T>
DEVICE void moments(const NormWork& work) {
    constexpr int count = Pack<T>::count;
    Part<T> part(work);
    float* means = reinterpret_cast<float*>(shared());
    float* squares = means + part.lanes * work.channels;
    const T* row = static_cast<const T*>(work.x) + i64(blockIdx.y) * work.pixels * work.channels;
    for (int pack = part.first_pack(); !part.idle() && pack < part.packs; pack += norm_threads) {
        float mean[count] = {}, square[count] = {};
        int seen = 0;
        for (int pixel = part.first_pixel(); pixel < part.end; pixel += part.lanes) {
            Pack<T> x = load_some(row + i64(pixel) * work.channels, work.channels, pack * count);
            float share = 1.0f / float(++seen);
#pragma unroll
            for (int j = 0; j < count; ++j) {
                float value = to_float(x.at[j]), off = value - mean[j];
                mean[j] += off * share;
                square[j] += off * (value - mean[j]);
            }
        }
        int lane = part.lanes > 1 ? part.lane : 0;
        for (int j = 0; j < count && pack * count + j < work.channels; ++j) {
            means[lane * work.channels + pack * count + j] = mean[j];
            squares[lane * work.channels + pack * count + j] = square[j];
        }
        if (part.lanes > 1) break;
    }
    __syncthreads();
    // A warp joins a group: the deviations of the channels, and of their means from the mean of all.
    int width = work.channels / work.groups, warp = threadIdx.x / 32;
    for (int group = warp; group < work.groups; group += norm_threads / 32) {
        float sum = 0.0f, number = 0.0f, square = 0.0f;
        for (int i = threadIdx.x % 32; i < part.lanes * width; i += 32) {
            int lane = i / width, here = lane * work.channels + group * width + i % width;
            float pixels = float(lane_pixels(part.end - part.first, part.lanes, lane));
            sum += pixels * means[here];
            number += pixels;
        }
        number = warp_sum(number);
        float mean = warp_sum(sum) / number;
        for (int i = threadIdx.x % 32; i < part.lanes * width; i += 32) {
            int lane = i / width, here = lane * work.channels + group * width + i % width;
            float off = means[here] - mean;
            float pixels = float(lane_pixels(part.end - part.first, part.lanes, lane));
            if (pixels > 0.0f) square += squares[here] + pixels * off * off;
        }
        square = warp_sum(square);
        if (threadIdx.x % 32 == 0) {
            float* to = work.moments + ((i64(blockIdx.y) * work.parts + blockIdx.x) * work.groups + group) * 2;
            to[0] = mean;
            to[1] = square;
        }
    }
}

// How many pixels part i of a row has.
DEVICE int part_pixels(const NormWork& work, int i) {
    int left = work.pixels - i * work.per_part;
    return left < work.per_part ? left : work.per_part;
}

// Shared memory: mean and factor of each group, which a warp joins from the parts.
template <class T>
DEVICE void normalise(const NormWork& work) {
    constexpr int count = Pack<T>::count;
    Part<T> part(work);
    float* means = reinterpret_cast<float*>(shared());
    float* factors = means + work.groups;
    int width = work.channels / work.groups;
    for (int group = threadIdx.x / 32; group < work.groups; group += norm_threads / 32) {
        const float* from = work.moments + (i64(blockIdx.y) * work.parts * work.groups + group) * 2;
        float sum = 0.0f, square = 0.0f;
        for (int i = threadIdx.x % 32; i < work.parts; i += 32) {
            sum += float(part_pixels(work, i)) * from[i64(i) * work.groups * 2];
        }
        float mean = warp_sum(sum) / float(work.pixels);
        for (int i = threadIdx.x % 32; i < work.parts; i += 32) {
            float off = from[i64(i) * work.groups * 2] - mean;
            square += from[i64(i) * work.groups * 2 + 1] + off * off * float(width) * float(part_pixels(work, i));
        }
        float variance = warp_sum(square) / (float(width) * float(work.pixels));
        if (threadIdx.x % 32 == 0) {
            means[group] = mean;
            factors[group] = 1.0f / sqrtf(variance + work.epsilon);
        }
    }
    __syncthreads();
    i64 offset = i64(blockIdx.y) * work.pixels * work.channels;
    const T* x = static_cast<const T*>(work.x) + offset;
    T* out = static_cast<T*>(work.out) + offset;
    for (int pack = part.first_pack(); !part.idle() && pack < part.packs; pack += norm_threads) {
        float mean[count], scale[count], shift[count];
        for (int j = 0; j < count; ++j) {
            int channel = pack * count + j < work.channels ? pack * count + j : work.channels - 1;
            mean[j] = means[channel / width];
            scale[j] = work.scale[channel] * factors[channel / width];
            shift[j] = work.shift[channel];
        }
        for (int pixel = part.first_pixel(); pixel < part.end; pixel += part.lanes) {
            Pack<T> values = load_some(x + i64(pixel) * work.channels, work.channels, pack * count);
#pragma unroll
            for (int j = 0; j < count; ++j) {
                float y = (to_float(values.at[j]) - mean[j]) * scale[j] + shift[j];
                values.at[j] = rounded<T>(activated(y, work.activation));
            }
            store_some(out + i64(pixel) * work.channels, work.channels, pack * count, values);
        }
        if (part.lanes > 1) break;
    }
}

// A warp for each line; it reads the line three times, twice out of the cache.
template <class T>
DEVICE void layer_norm(const NormWork& work) {
    constexpr int count = Pack<T>::count;
    i64 line = i64(blockIdx.x) * (norm_threads / 32) + threadIdx.x / 32;
    if (line >= work.lines) return;
    const T* x = static_cast<const T*>(work.x) + line * work.channels;
    T* out = static_cast<T*>(work.out) + line * work.channels;
    int first = threadIdx.x % 32 * count;
    float sum = 0.0f, square = 0.0f;
    for (int i = first; i < work.channels; i += 32 * count) {
        Pack<T> values = load_some(x, work.channels, i);
        for (int j = 0; j < count; ++j) sum += i + j < work.channels ? to_float(values.at[j]) : 0.0f;
    }
    float mean = warp_sum(sum) / float(work.channels);
    for (int i = first; i < work.channels; i += 32 * count) {
        Pack<T> values = load_some(x, work.channels, i);
        for (int j = 0; j < count; ++j) {
            float off = i + j < work.channels ? to_float(values.at[j]) - mean : 0.0f;
            square += off * off;
        }
    }
    float factor = 1.0f / sqrtf(warp_sum(square) / float(work.channels) + work.epsilon);
    for (int i = first; i < work.channels; i += 32 * count) {
        Pack<T> values = load_some(x, work.channels, i);
        for (int j = 0; j < count; ++j) {
            int channel = i + j < work.channels ? i + j : work.channels - 1;
            values.at[j] = rounded<T>((to_float(values.at[j]) - mean) * factor * work.scale[channel] + work.shift[channel]);
        }
        store_some(out, work.channels, i, values);
    }
}

}  // namespace easel
