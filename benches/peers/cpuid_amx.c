// Preloaded into peers where a virtual machine has AMX but reports CPUID leaves 0x1D and 0x1E as zero: oneDNN reads the size of tiles there,
// finds none, and the first tile instruction ends the process. Within one process CPUID is made to fault (arch_prctl(ARCH_SET_CPUID, 0))
// and those two leaves are answered with what palette 1 is on every processor that has it: 8 tiles of 16 rows of 64 bytes.
//
//   gcc -O2 -shared -fPIC -o cpuid_amx.so cpuid_amx.c
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { ARCH_SET_CPUID = 0x1012 };

static struct sigaction earlier;

static void allow(long allowed) { syscall(SYS_arch_prctl, ARCH_SET_CPUID, allowed); }

static void answer(int signal, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *code = (const unsigned char *)registers[REG_RIP];
    if (info->si_code != SI_KERNEL || code[0] != 0x0f || code[1] != 0xa2) {
        // Not a CPUID: the instruction faults again, into whoever was there before.
        sigaction(signal, &earlier, 0);
        return;
    }
    unsigned leaf = registers[REG_RAX], part = registers[REG_RCX], a = leaf, b, c = part, d;
    allow(1);
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    allow(0);
    if (leaf == 0x1d && part == 0) { a = 1; b = c = d = 0; }
    if (leaf == 0x1d && part == 1) { a = 0x04002000; b = 0x00080040; c = 16; d = 0; }
    if (leaf == 0x1e && part == 0) { a = 0; b = 0x4010; c = d = 0; }
    registers[REG_RAX] = a;
    registers[REG_RBX] = b;
    registers[REG_RCX] = c;
    registers[REG_RDX] = d;
    registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void start(void) {
    struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &action, &earlier);
    if (syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0)) fprintf(stderr, "cpuid_amx: CPUID cannot be made to fault here\n");
}
