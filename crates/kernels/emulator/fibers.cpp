// A block's threads as fibers: barriers, what a warp exchanges, copies in flight.
#include "fibers.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <ucontext.h>
#include <vector>

#include "emulator.h"

namespace easel {

__thread Place threadIdx, blockIdx;

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
    // Null until the fiber has been made; it then waits for the next block when it is done with one.
    std::unique_ptr<unsigned char[]> stack;
    // Copies in flight, in the order in which they were started, and how many there were when each group ended.
    std::vector<Copy> copies;
    std::vector<size_t> groups;
};

struct Block {
    std::vector<Fiber> fibers{most_threads};
    std::vector<unsigned char> memory;
    // Two generations, because a lane may write its next number before another has read this one.
    uint64_t met[most_threads / 32][2][32];
    Fragments fragments[most_threads / 32][2];
    int generation[most_threads];
    jmp_buf scheduler;
    int threads, running;
    void (*kernel)(const void*);
    const void* work;
    bool backwards;
};

__thread Block* block = nullptr;

[[noreturn]] void broken(const char* what) {
    std::fprintf(stderr, "emulated block (%u, %u, %u), thread %d: %s\n", blockIdx.x, blockIdx.y, blockIdx.z, block->running, what);
    std::abort();
}

// The first thread from `i` to the end of its warp, in the order of turns, that can go on; or -1.
int ready_from(int i, int warp) {
    int step = block->backwards ? -1 : 1;
    for (; i >= warp * 32 && i < warp * 32 + 32; i += step) {
        if (block->fibers[i].state == State::Ready) return i;
    }
    return -1;
}

int ready_after(int i) { return ready_from(block->backwards ? i - 1 : i + 1, i / 32); }

void turn_of(int thread) {
    block->running = thread;
    threadIdx = {unsigned(thread), 0, 0};
}

// Hands on to the next thread of the warp where there is one, and to the scheduler otherwise.
void yield(State state) {
    Fiber& fiber = block->fibers[block->running];
    fiber.state = state;
    if (_setjmp(fiber.place)) return;
    int next = ready_after(block->running);
    if (next < 0 || !block->fibers[next].stack) _longjmp(block->scheduler, 1);
    turn_of(next);
    _longjmp(block->fibers[next].place, 1);
}

void begin() {
    for (;;) {
        block->kernel(block->work);
        yield(State::Done);
    }
}

// Runs fibers of a warp, from one on, until the last of them yields. The first time it is entered by `setcontext`, which puts it on its own
// stack; later turns jump, because `setcontext` asks the kernel for signal masks at every turn.
void resume(int thread) {
    turn_of(thread);
    Fiber& fiber = block->fibers[thread];
    if (_setjmp(block->scheduler)) return;
    if (fiber.stack) _longjmp(fiber.place, 1);
    static thread_local ucontext_t context;
    getcontext(&context);
    fiber.stack.reset(new unsigned char[stack_bytes]);
    context.uc_stack.ss_sp = fiber.stack.get();
    context.uc_stack.ss_size = stack_bytes;
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
bool run_warp(int warp) {
    int start = warp * 32;
    bool moved = false;
    for (bool more = true; more;) {
        more = false;
        for (int i = ready_from(block->backwards ? start + 31 : start, warp); i >= 0; i = ready_after(block->running)) {
            resume(i);
            moved = more = true;
        }
        // The hardware's exchanges name all 32 lanes: one that has left is a fault.
        if (all_at(start, start + 32, State::AtWarp, false)) release(start, start + 32, State::AtWarp), more = true;
    }
    return moved;
}

void run_block(size_t shared_bytes) {
    std::memset(block->memory.data(), 0xff, shared_bytes);
    for (int i = 0; i < block->threads; ++i) {
        Fiber& fiber = block->fibers[i];
        fiber.state = State::Ready;
        fiber.copies.clear();
        fiber.groups.clear();
        block->generation[i] = 0;
    }
    int warps = block->threads / 32;
    for (;;) {
        bool moved = false;
        // A warp runs as far as it can before another begins, which is as far apart as the hardware may let them drift.
        for (int n = 0; n < warps; ++n) moved |= run_warp(block->backwards ? warps - 1 - n : n);
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

Fragments& meet(const u32 (&a)[4], const u32 (&b)[2]) {
    int thread = block->running, generation = block->generation[thread]++ & 1;
    Fragments& all = block->fragments[thread / 32][generation];
    std::memcpy(all.a[thread % 32], a, sizeof a);
    std::memcpy(all.b[thread % 32], b, sizeof b);
    all.multiplied = false;
    yield(State::AtWarp);
    return all;
}

void copy16(void* to, const void* from, bool read) {
    if (reinterpret_cast<uintptr_t>(to) % 16 || reinterpret_cast<uintptr_t>(from) % 16) broken("a copy that is not aligned");
    std::memset(to, 0xff, 16);
    block->fibers[block->running].copies.push_back({to, from, read});
}

void copies_end() {
    Fiber& fiber = block->fibers[block->running];
    fiber.groups.push_back(fiber.copies.size());
}

void copies_wait_for(int left) {
    Fiber& fiber = block->fibers[block->running];
    if (int(fiber.groups.size()) <= left) return;
    size_t arrived = fiber.groups.size() - size_t(left), end = fiber.groups[arrived - 1];
    for (size_t i = 0; i < end; ++i) {
        const Copy& copy = fiber.copies[i];
        if (copy.read) std::memcpy(copy.to, copy.from, 16);
        else std::memset(copy.to, 0, 16);
    }
    fiber.copies.erase(fiber.copies.begin(), fiber.copies.begin() + std::ptrdiff_t(end));
    fiber.groups.erase(fiber.groups.begin(), fiber.groups.begin() + std::ptrdiff_t(arrived));
    for (size_t& group : fiber.groups) group -= end;
}

void launch(void (*kernel)(const void*), const void* work, const unsigned grid[3], Range blocks, unsigned threads, size_t shared_bytes, bool backwards) {
    static thread_local Block own;
    block = &own;
    own.threads = int(threads);
    own.kernel = kernel;
    own.work = work;
    own.backwards = backwards;
    // Aligned as on the device, and with a guard behind it.
    own.memory.assign(shared_bytes + 256, 0xff);
    for (size_t i = blocks.first; i < blocks.end; ++i) {
        blockIdx = {unsigned(i % grid[0]), unsigned(i / grid[0] % grid[1]), unsigned(i / grid[0] / grid[1])};
        run_block(shared_bytes);
        for (size_t j = shared_bytes; j < own.memory.size(); ++j) {
            if (own.memory[j] != 0xff) broken("wrote beyond its shared memory");
        }
    }
}

}  // namespace easel
