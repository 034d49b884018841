// The two operations of a step that are about pictures: the denoiser's input, and guidance with the sampler's update.
//
// The formula is the one of `advance.rs`; sums are in f64 and rounded once, as there. A picture's coefficients travel in the launch itself, so
// that a step uploads nothing but noise, and one launch serves several pictures with samplers and guidance scales of their own.
#pragma once
#include "numbers.cuh"

namespace easel {

constexpr int step_threads = 256;
constexpr int inputs_at_once = 32;
constexpr int updates_at_once = 8;

struct Input {
    const float* latents;  // (pixels, channels)
    const float* extra;    // (pixels, extra), or null
    float factor;
    int first_row, rows;
};
struct InputWork {
    void* out;  // (rows, pixels, channels + extra)
    i64 pixels;
    int channels, extra;
    Input pictures[inputs_at_once];
};

template <class T>
DEVICE void denoiser_input(const InputWork& work) {
    const Input& picture = work.pictures[blockIdx.y];
    int width = work.channels + work.extra;
    i64 i = i64(blockIdx.x) * step_threads + threadIdx.x;
    if (i >= work.pixels * width) return;
    i64 pixel = i / width;
    int channel = int(i - pixel * width);
    float value = channel < work.channels ? picture.latents[pixel * work.channels + channel] * picture.factor
                                          : picture.extra[pixel * work.extra + channel - work.channels];
    T* out = static_cast<T*>(work.out) + picture.first_row * work.pixels * width + i;
    for (int row = 0; row < picture.rows; ++row) out[row * work.pixels * width] = rounded<T>(value);
}

struct Update {
    const float* latents;
    const void* conditional;    // of the network's format
    const void* unconditional;  // or null
    const float* history[3];    // or null
    const float* noise;         // or null
    const float* mask;          // or null, and with it the next two
    const float* image;
    const float* image_noise;
    float* out;
    float* stored[3];      // or null
    const double* factor;  // of the guided output, or null
    double scale;
    double x[6];
    double store[3][5];
    double image_factor, noise_factor;
};
struct UpdateWork {
    i64 count;  // numbers in a picture's latents
    Update pictures[updates_at_once];
};

template <class T>
DEVICE double guided(const Update& picture, i64 i) {
    double c = to_float(static_cast<const T*>(picture.conditional)[i]);
    if (!picture.unconditional || picture.scale == 1.0) return c;
    return (1.0 - picture.scale) * double(to_float(static_cast<const T*>(picture.unconditional)[i])) + picture.scale * c;
}

// A term without weight is not read: what is there may be no number, or not be there.
DEVICE double term(double factor, const float* from, i64 i) { return factor == 0.0 || !from ? 0.0 : factor * double(from[i]); }

template <class T>
DEVICE void advance(const UpdateWork& work) {
    const Update& picture = work.pictures[blockIdx.y];
    i64 i = i64(blockIdx.x) * step_threads + threadIdx.x;
    if (i >= work.count) return;
    double m = guided<T>(picture, i) * (picture.factor ? *picture.factor : 1.0);
    double sums[4];
    for (int k = 0; k < 4; ++k) {
        const double* by = k < 3 ? picture.store[k] : picture.x;
        double sum = term(by[0], picture.latents, i);
        if (by[1] != 0.0) sum += by[1] * m;
        for (int h = 0; h < 3; ++h) sum += term(by[2 + h], picture.history[h], i);
        sums[k] = sum;
    }
    double next = sums[3] + term(picture.x[5], picture.noise, i);
    if (picture.mask) {
        double mask = picture.mask[i];
        double kept = term(picture.image_factor, picture.image, i) + term(picture.noise_factor, picture.image_noise, i);
        next = mask * next + (1.0 - mask) * kept;
    }
    for (int k = 0; k < 3; ++k) {
        if (picture.stored[k]) picture.stored[k][i] = float(sums[k]);
    }
    picture.out[i] = float(next);
}

// What the guided output of each picture is multiplied by (Lin et al. 2024, 3.4).
struct Rescale {
    const void* conditional;
    const void* unconditional;
    double scale, rescale;
};
struct RescaleWork {
    i64 count;
    double* factors;  // one for each picture
    Rescale pictures[updates_at_once];
};

DEVICE double block_sum(double x) {
    double* parts = reinterpret_cast<double*>(shared());
    x = warp_sum(x);
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = x;
    __syncthreads();
    double sum = 0.0;
    for (int i = 0; i < step_threads / 32; ++i) sum += parts[i];
    __syncthreads();
    return sum;
}

template <class T>
DEVICE void rescale(const RescaleWork& work) {
    const Rescale& picture = work.pictures[blockIdx.x];
    const T* c = static_cast<const T*>(picture.conditional);
    const T* u = static_cast<const T*>(picture.unconditional);
    auto mixed = [&](i64 i) { return (1.0 - picture.scale) * double(to_float(u[i])) + picture.scale * double(to_float(c[i])); };
    double sums[2] = {0.0, 0.0}, squares[2] = {0.0, 0.0};
    for (i64 i = threadIdx.x; i < work.count; i += step_threads) {
        sums[0] += double(to_float(c[i]));
        sums[1] += mixed(i);
    }
    double mean = block_sum(sums[0]) / double(work.count), mixed_mean = block_sum(sums[1]) / double(work.count);
    for (i64 i = threadIdx.x; i < work.count; i += step_threads) {
        double off = double(to_float(c[i])) - mean, mixed_off = mixed(i) - mixed_mean;
        squares[0] += off * off;
        squares[1] += mixed_off * mixed_off;
    }
    double deviation = sqrt(block_sum(squares[0]) / double(work.count - 1));
    double mixed_deviation = sqrt(block_sum(squares[1]) / double(work.count - 1));
    double ratio = deviation / (mixed_deviation > 2.2250738585072014e-308 ? mixed_deviation : 2.2250738585072014e-308);
    if (threadIdx.x == 0) work.factors[blockIdx.x] = picture.rescale * ratio + 1.0 - picture.rescale;
}

}  // namespace easel
