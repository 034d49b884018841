// What moves numbers or treats them one by one: conversion, activation, sum, upsampling, padding, joining.
#pragma once
#include "numbers.cuh"

namespace easel {

constexpr int elementwise_threads = 256;

struct ElementsWork {
    const void* x;
    const void* y;  // of a sum
    void* out;
    i64 count;
    int activation;
};

DEVICE i64 global_thread() { return i64(blockIdx.x) * elementwise_threads + threadIdx.x; }

template <class From, class To>
DEVICE void convert(const ElementsWork& work) {
    i64 i = global_thread();
    if (i >= work.count) return;
    static_cast<To*>(work.out)[i] = rounded<To>(to_float(static_cast<const From*>(work.x)[i]));
}

// One pack a thread; the last one may be short.
template <class T, class F>
DEVICE void each_pack(const ElementsWork& work, F f) {
    constexpr int count = Pack<T>::count;
    i64 first = global_thread() * count;
    if (first >= work.count) return;
    const T* x = static_cast<const T*>(work.x) + first;
    const T* y = work.y ? static_cast<const T*>(work.y) + first : x;
    T* out = static_cast<T*>(work.out) + first;
    if (first + count <= work.count) {
        Pack<T> a = load_pack(x), b = load_pack(y);
        for (int j = 0; j < count; ++j) a.at[j] = rounded<T>(f(to_float(a.at[j]), to_float(b.at[j])));
        store_pack(out, a);
    } else {
        for (int j = 0; first + j < work.count; ++j) out[j] = rounded<T>(f(to_float(x[j]), to_float(y[j])));
    }
}

template <class T>
DEVICE void activate(const ElementsWork& work) {
    int activation = work.activation;
    each_pack<T>(work, [activation](float x, float) { return activated(x, activation); });
}

template <class T>
DEVICE void add(const ElementsWork& work) {
    each_pack<T>(work, [](float x, float y) { return x + y; });
}

struct RowsWork {
    const void* x;
    const float* factors;  // one for each row
    void* out;
    i64 count;   // numbers to write
    i64 length;  // of a row of `out`; of its lines, where gates are taken
    i64 packed;  // of a line of `x`
};

// Every row times its factor.
template <class T>
DEVICE void scale_rows(const RowsWork& work) {
    i64 i = global_thread();
    if (i >= work.count) return;
    float factor = work.factors[i / work.length];
    static_cast<T*>(work.out)[i] = rounded<T>(to_float(static_cast<const T*>(work.x)[i]) * factor);
}

// value * gelu(gate) of lines that have eight values and their eight gates in turns.
template <class T>
DEVICE void gate(const RowsWork& work) {
    i64 i = global_thread();
    if (i >= work.count) return;
    i64 line = i / work.length, output = i - line * work.length;
    const T* value = static_cast<const T*>(work.x) + line * work.packed + output / 8 * 16 + output % 8;
    static_cast<T*>(work.out)[i] = rounded<T>(to_float(value[0]) * gelu(to_float(value[8])));
}

// Moves whole units of U: a format does not matter to what only moves, so U is the widest that divides a pixel.
struct MoveWork {
    const void* x;  // (rows, height, width, units)
    void* out;      // (rows, out_height, out_width, out_units)
    i64 count;      // units to write
    int height, width, units;
    int out_height, out_width, out_units;
    int start;  // of the units within a pixel of `out`
};

struct alignas(16) Unit16 {
    u32 at[4];
};
struct alignas(8) Unit8 {
    u32 at[2];
};

template <class U>
DEVICE void upsample(const MoveWork& work) {
    i64 i = global_thread();
    if (i >= work.count) return;
    i64 pixel = i / work.units;
    int unit = int(i - pixel * work.units);
    int x = int(pixel % work.out_width);
    i64 line = pixel / work.out_width;
    int y = int(line % work.out_height);
    i64 row = line / work.out_height;
    // The nearest as torch takes it: the place scaled down and rounded down.
    i64 from_y = i64(y) * work.height / work.out_height, from_x = i64(x) * work.width / work.out_width;
    i64 from = ((row * work.height + from_y) * work.width + from_x) * work.units + unit;
    static_cast<U*>(work.out)[i] = static_cast<const U*>(work.x)[from];
}

template <class U>
DEVICE void pad(const MoveWork& work) {
    i64 i = global_thread();
    if (i >= work.count) return;
    i64 pixel = i / work.units;
    int unit = int(i - pixel * work.units);
    int x = int(pixel % work.out_width);
    i64 line = pixel / work.out_width;
    int y = int(line % work.out_height);
    i64 row = line / work.out_height;
    bool inside = y < work.height && x < work.width;
    i64 from = ((row * work.height + y) * work.width + x) * work.units + unit;
    static_cast<U*>(work.out)[i] = inside ? static_cast<const U*>(work.x)[from] : U{};
}

// Puts the pixels of `x` into their place among the channels of `out`.
template <class U>
DEVICE void place(const MoveWork& work) {
    i64 i = global_thread();
    if (i >= work.count) return;
    i64 pixel = i / work.units;
    int unit = int(i - pixel * work.units);
    static_cast<U*>(work.out)[pixel * work.out_units + work.start + unit] = static_cast<const U*>(work.x)[i];
}

}  // namespace easel
