#include "bench/peers/naive_kernels.h"

void NaiveMatmul(long m, long n, long k, const float* a, const float* b, float* c) {
  for (long i = 0; i < m; ++i) {
    for (long j = 0; j < n; ++j) {
      float sum = 0;
      for (long p = 0; p < k; ++p) sum += a[i * k + p] * b[p * n + j];
      c[i * n + j] = sum;
    }
  }
}

void NaiveDense(long m, long n, long k, const float* a, const float* b, float* c) {
  for (long i = 0; i < m; ++i) {
    for (long j = 0; j < n; ++j) {
      float sum = 0;
      for (long p = 0; p < k; ++p) sum += a[i * k + p] * b[j * k + p];
      c[i * n + j] = sum;
    }
  }
}

void NaiveConvNchw(const struct NaiveConv* s, const float* input, const float* weights, float* output) {
  const long cig = s->ci / s->groups, cog = s->co / s->groups;
  for (long n = 0; n < s->n; ++n)
    for (long co = 0; co < s->co; ++co)
      for (long oh = 0; oh < s->oh; ++oh)
        for (long ow = 0; ow < s->ow; ++ow) {
          float sum = 0;
          for (long ci = 0; ci < cig; ++ci)
            for (long kh = 0; kh < s->kh; ++kh)
              for (long kw = 0; kw < s->kw; ++kw) {
                const long y = oh * s->stride_h + kh * s->dilation - s->pad_t;
                const long x = ow * s->stride_w + kw * s->dilation - s->pad_l;
                if (y < 0 || y >= s->h || x < 0 || x >= s->w) continue;
                sum += input[((n * s->ci + co / cog * cig + ci) * s->h + y) * s->w + x] *
                       weights[((co * cig + ci) * s->kh + kh) * s->kw + kw];
              }
          output[((n * s->co + co) * s->oh + oh) * s->ow + ow] = sum;
        }
}

void NaiveConvNhwc(const struct NaiveConv* s, const float* input, const float* weights, float* output) {
  const long cig = s->ci / s->groups, cog = s->co / s->groups;
  for (long n = 0; n < s->n; ++n)
    for (long oh = 0; oh < s->oh; ++oh)
      for (long ow = 0; ow < s->ow; ++ow)
        for (long co = 0; co < s->co; ++co) {
          float sum = 0;
          for (long kh = 0; kh < s->kh; ++kh)
            for (long kw = 0; kw < s->kw; ++kw) {
              const long y = oh * s->stride_h + kh * s->dilation - s->pad_t;
              const long x = ow * s->stride_w + kw * s->dilation - s->pad_l;
              if (y < 0 || y >= s->h || x < 0 || x >= s->w) continue;
              for (long ci = 0; ci < cig; ++ci)
                sum += input[((n * s->h + y) * s->w + x) * s->ci + co / cog * cig + ci] *
                       weights[((co * s->kh + kh) * s->kw + kw) * cig + ci];
            }
          output[((n * s->oh + oh) * s->ow + ow) * s->co + co] = sum;
        }
}

void NaiveDepthwiseNhwc(const struct NaiveConv* s, const float* input, const float* weights, float* output) {
  const long mult = s->co / s->ci;
  for (long n = 0; n < s->n; ++n)
    for (long oh = 0; oh < s->oh; ++oh)
      for (long ow = 0; ow < s->ow; ++ow)
        for (long co = 0; co < s->co; ++co) {
          float sum = 0;
          for (long kh = 0; kh < s->kh; ++kh)
            for (long kw = 0; kw < s->kw; ++kw) {
              const long y = oh * s->stride_h + kh * s->dilation - s->pad_t;
              const long x = ow * s->stride_w + kw * s->dilation - s->pad_l;
              if (y < 0 || y >= s->h || x < 0 || x >= s->w) continue;
              sum += input[((n * s->h + y) * s->w + x) * s->ci + co / mult] *
                     weights[(kh * s->kw + kw) * s->co + co];
            }
          output[((n * s->oh + oh) * s->ow + ow) * s->co + co] = sum;
        }
}
