// Runs a kernel's blocks one after the other.
#pragma once
#include <cstddef>

namespace easel {

void launch(void (*kernel)(const void*), const void* work, const unsigned grid[3], unsigned threads, size_t shared_bytes, bool backwards);

}
