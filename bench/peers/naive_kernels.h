/* The operators as a person writes them down: plain loops, no blocking, no intrinsics. Compiled by `gcc -O3`
   for the baseline ISA. */
#ifndef TUNEFARM_BENCH_PEERS_NAIVE_KERNELS_H_
#define TUNEFARM_BENCH_PEERS_NAIVE_KERNELS_H_

#ifdef __cplusplus
extern "C" {
#endif

/* c[m,n] = a[m,k] * b[k,n] */
void NaiveMatmul(long m, long n, long k, const float* a, const float* b, float* c);
/* c[m,n] = a[m,k] * b[n,k] */
void NaiveDense(long m, long n, long k, const float* a, const float* b, float* c);

/* Channels are counted in all; weights as in schedules/workload.h. Depthwise: groups = ci, weights of one
 * channel each. */
struct NaiveConv {
  long n, h, w, ci, oh, ow, co, kh, kw, stride_h, stride_w, pad_t, pad_l, dilation, groups;
};
void NaiveConvNchw(const struct NaiveConv* s, const float* input, const float* weights, float* output);
void NaiveConvNhwc(const struct NaiveConv* s, const float* input, const float* weights, float* output);
/* Weights [kh,kw,co]. */
void NaiveDepthwiseNhwc(const struct NaiveConv* s, const float* input, const float* weights, float* output);

#ifdef __cplusplus
}
#endif

#endif
