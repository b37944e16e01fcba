# Toolchain file: Arm boards that run a 64-bit Debian. The compiler brings the C and C++ library; everything else comes from the
# folder that scripts/build-arm64-runner fills.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(TUNEFARM_ARM64_SYSROOT ${CMAKE_CURRENT_LIST_DIR}/../build/arm64/sysroot CACHE PATH "Where Debian's arm64 libraries are")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES TUNEFARM_ARM64_SYSROOT)
get_filename_component(TUNEFARM_ARM64_SYSROOT ${TUNEFARM_ARM64_SYSROOT} ABSOLUTE)
set(CMAKE_FIND_ROOT_PATH ${TUNEFARM_ARM64_SYSROOT})
# Programs (protoc, its gRPC plugin) run here; headers and libraries are the board's.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_DIR} "")
set(ENV{PKG_CONFIG_LIBDIR} ${TUNEFARM_ARM64_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${TUNEFARM_ARM64_SYSROOT}/usr/share/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${TUNEFARM_ARM64_SYSROOT})
# Headers that differ by architecture.
set(CMAKE_C_FLAGS_INIT "-isystem ${TUNEFARM_ARM64_SYSROOT}/usr/include/aarch64-linux-gnu")
set(CMAKE_CXX_FLAGS_INIT "${CMAKE_C_FLAGS_INIT}")
# Libraries that ours depend on, without their being named.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-rpath-link,${TUNEFARM_ARM64_SYSROOT}/usr/lib/aarch64-linux-gnu -Wl,-rpath-link,${TUNEFARM_ARM64_SYSROOT}/lib/aarch64-linux-gnu")
