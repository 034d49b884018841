// Runs a kernel's blocks, one after the other on the thread that asks for it.
#pragma once
#include <cstddef>

namespace easel {

// Of a grid's blocks, x fastest.
struct Range {
    size_t first, end;
};

void launch(void (*kernel)(const void*), const void* work, const unsigned grid[3], Range blocks, unsigned threads, size_t shared_bytes, bool backwards);

}
