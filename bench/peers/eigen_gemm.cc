// Compiled once per level with EIGEN_GEMM as the function's name, and with Eigen's namespace renamed
// (-DEigen=...), so that the linker does not take one level's templates for another's.
#include "bench/peers/eigen_gemm.h"

#include <Eigen/Core>

void EIGEN_GEMM(int threads, int m, int n, int k, const float* a, const float* b, int transposed_b,
                float* c) {
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using ColumnMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;
  Eigen::setNbThreads(threads);
  const Eigen::Map<const RowMajor> lhs(a, m, k);
  Eigen::Map<RowMajor> out(c, m, n);
  if (transposed_b != 0) {
    out.noalias() = lhs * Eigen::Map<const ColumnMajor>(b, k, n);
  } else {
    out.noalias() = lhs * Eigen::Map<const RowMajor>(b, k, n);
  }
}
