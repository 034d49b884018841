// A block's threads as fibers: barriers, what a warp exchanges, copies in flight.
#include "fibers.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <ucontext.h>
#include <vector>

#include "emulator.h"

namespace easel {

thread_local Place threadIdx, blockIdx;

namespace {

constexpr int most_threads = 256;
constexpr size_t stack_bytes = 256 << 10;

enum class State { Ready, AtWarp, AtBlock, Done };

struct Copy {
    void* to;
    const void* from;
    bool read;
};

struct Fiber {
    State state;
    jmp_buf place;
    std::vector<unsigned char> stack;
    std::deque<std::vector<Copy>> groups;
    std::vector<Copy> open;
};

struct Block {
    std::vector<Fiber> fibers{most_threads};
    std::vector<unsigned char> memory;
    // Two generations, because a lane may write its next number before another has read this one.
    uint64_t met[most_threads / 32][2][32];
    int generation[most_threads];
    jmp_buf scheduler;
    int threads, running;
    void (*kernel)(const void*);
    const void* work;
    bool begun;
};

thread_local Block* block = nullptr;

[[noreturn]] void broken(const char* what) {
    std::fprintf(stderr, "emulated block (%u, %u, %u), thread %d: %s\n", blockIdx.x, blockIdx.y, blockIdx.z, block->running, what);
    std::abort();
}

void yield(State state) {
    Fiber& fiber = block->fibers[block->running];
    fiber.state = state;
    if (!_setjmp(fiber.place)) _longjmp(block->scheduler, 1);
}

void begin() {
    block->kernel(block->work);
    Fiber& fiber = block->fibers[block->running];
    fiber.state = State::Done;
    _longjmp(block->scheduler, 1);
}

// Runs one fiber until it yields. The first time it is entered by `setcontext`, which puts it on its own stack; later turns jump, because
// `swapcontext` asks the kernel for signal masks at every turn.
void resume(int thread, bool first) {
    block->running = thread;
    threadIdx = {unsigned(thread), 0, 0};
    Fiber& fiber = block->fibers[thread];
    if (_setjmp(block->scheduler)) return;
    if (!first) _longjmp(fiber.place, 1);
    static thread_local ucontext_t context;
    getcontext(&context);
    if (fiber.stack.empty()) fiber.stack.resize(stack_bytes);
    context.uc_stack.ss_sp = fiber.stack.data();
    context.uc_stack.ss_size = fiber.stack.size();
    context.uc_link = nullptr;
    makecontext(&context, begin, 0);
    setcontext(&context);
}

bool all_at(int first, int end, State state, bool or_done) {
    bool some = false;
    for (int i = first; i < end; ++i) {
        State there = block->fibers[i].state;
        if (there == state) some = true;
        else if (!(or_done && there == State::Done)) return false;
    }
    return some;
}

void release(int first, int end, State state) {
    for (int i = first; i < end; ++i) {
        if (block->fibers[i].state == state) block->fibers[i].state = State::Ready;
    }
}

// Whether any thread of the warp moved on.
bool run_warp(int start, bool* first, bool backwards) {
    bool moved = false;
    for (bool more = true; more;) {
        more = false;
        for (int n = 0; n < 32; ++n) {
            int i = start + (backwards ? 31 - n : n);
            if (block->fibers[i].state != State::Ready) continue;
            bool begins = first[i];
            first[i] = false;
            resume(i, begins);
            moved = more = true;
        }
        // The hardware's exchanges name all 32 lanes: one that has left is a fault.
        if (all_at(start, start + 32, State::AtWarp, false)) release(start, start + 32, State::AtWarp), more = true;
    }
    return moved;
}

void run_block(size_t shared_bytes, bool backwards) {
    std::memset(block->memory.data(), 0xff, shared_bytes);
    for (int i = 0; i < block->threads; ++i) {
        Fiber& fiber = block->fibers[i];
        fiber.state = State::Ready;
        fiber.groups.clear();
        fiber.open.clear();
        block->generation[i] = 0;
    }
    bool first[most_threads];
    for (bool& f : first) f = true;
    int warps = block->threads / 32;
    for (;;) {
        bool moved = false;
        // A warp runs as far as it can before another begins, which is as far apart as the hardware may let them drift.
        for (int n = 0; n < warps; ++n) moved |= run_warp((backwards ? warps - 1 - n : n) * 32, first, backwards);
        if (all_at(0, block->threads, State::AtBlock, true)) {
            release(0, block->threads, State::AtBlock);
        } else if (all_at(0, block->threads, State::Done, false)) {
            return;
        } else if (!moved) {
            broken("some threads wait at a barrier that others never reach");
        }
    }
}

}  // namespace

unsigned char* shared() { return block->memory.data(); }

void __syncthreads() { yield(State::AtBlock); }

const uint64_t* meet(uint64_t mine) {
    int thread = block->running, generation = block->generation[thread]++ & 1;
    block->met[thread / 32][generation][thread % 32] = mine;
    yield(State::AtWarp);
    return block->met[thread / 32][generation];
}

void copy16(void* to, const void* from, bool read) {
    if (reinterpret_cast<uintptr_t>(to) % 16 || reinterpret_cast<uintptr_t>(from) % 16) broken("a copy that is not aligned");
    std::memset(to, 0xff, 16);
    block->fibers[block->running].open.push_back({to, from, read});
}

void copies_end() {
    Fiber& fiber = block->fibers[block->running];
    fiber.groups.push_back(std::move(fiber.open));
    fiber.open.clear();
}

void copies_wait_for(int left) {
    auto& groups = block->fibers[block->running].groups;
    for (; int(groups.size()) > left; groups.pop_front()) {
        for (const Copy& copy : groups.front()) {
            if (copy.read) std::memcpy(copy.to, copy.from, 16);
            else std::memset(copy.to, 0, 16);
        }
    }
}

void launch(void (*kernel)(const void*), const void* work, const unsigned grid[3], unsigned threads, size_t shared_bytes, bool backwards) {
    static thread_local Block own;
    block = &own;
    own.threads = int(threads);
    own.kernel = kernel;
    own.work = work;
    // Aligned as on the device, and with a guard behind it.
    own.memory.assign(shared_bytes + 256, 0xff);
    for (unsigned z = 0; z < grid[2]; ++z) {
        for (unsigned y = 0; y < grid[1]; ++y) {
            for (unsigned x = 0; x < grid[0]; ++x) {
                blockIdx = {x, y, z};
                run_block(shared_bytes, backwards);
                for (size_t i = shared_bytes; i < own.memory.size(); ++i) {
                    if (own.memory[i] != 0xff) broken("wrote beyond its shared memory");
                }
            }
        }
    }
}

}  // namespace easel
