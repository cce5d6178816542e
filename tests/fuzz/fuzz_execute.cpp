// Fuzzes decode and execute: any bytes as code, in any mode. The input is a Setup, then code.
#include "fuzz_machine.h"

#include <cstring>

using namespace ring3;

extern "C" int LLVMFuzzerTestOneInput(u8 const* data, std::size_t size) {
    static auto* const machine = new fuzz::FuzzMachine;
    fuzz::Setup setup;
    if (size < sizeof setup) return 0;
    std::memcpy(&setup, data, sizeof setup);
    machine->run(setup, {data + sizeof setup, size - sizeof setup});
    return 0;
}
