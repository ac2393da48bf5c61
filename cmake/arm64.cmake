# Builds for 64-bit ARM on another machine, as Debian's cross compiler does; what is built runs under
# qemu-user. Statically linked, so that qemu needs no folder of libraries.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -Wl,--no-warnings") # of glibc, that static programs find no names
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
