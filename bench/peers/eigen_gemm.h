// Eigen's matrix product, built once per x86-64 level: Eigen chooses its vectors when it is compiled.
#pragma once

extern "C" {
// C[m,n] = A[m,k] * B[k,n], row-major; B is stored as [n,k] where `transposed_b` is not 0.
using EigenGemm = void(int threads, int m, int n, int k, const float* a, const float* b, int transposed_b,
                       float* c);
EigenGemm EigenGemmV2, EigenGemmV3, EigenGemmV4;
}
