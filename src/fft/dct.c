// dct.c - cosine and sine transforms of n points by complex Fourier transforms of length n of two lines at a time.
//
// Each of the four transforms of a real line x is a reordering or a folding y of x, the Fourier transform W of y, of the same length n, and a step that
// combines W_k with W_(n-k). The lines 2p and 2p+1 are the real and the imaginary part of one complex line; because the folded lines are real, the
// same two numbers W_k +- W_(n-k) hold both spectra apart. Eight lines (a block) go through FFTW together and through the other steps as one vector.
//
//   DCT1   y_j = (x_j + x_(n-j))/2 + sin(pi j/n) (x_j - x_(n-j)),   X_2k = W_k + W_(n-k),      X_(2k+1) = X_(2k-1) - i (W_k - W_(n-k))
//          X_1 = x_0 - x_n + 2 sum over j < n/2 of cos(pi j/n) (x_j - x_(n-j))
//   DST1   y_j = (x_j - x_(n-j))/2 + sin(pi j/n) (x_j + x_(n-j)),   X_2k = i (W_k - W_(n-k)),  X_(2k+1) = X_(2k-1) + W_k + W_(n-k)
//   DCT2   y = x_0 x_2 x_4 .. x_5 x_3 x_1,   X_k = e^(-i phi) W_k + e^(i phi) W_(n-k),  phi = pi k/(2n)
//   DST2   is DCT2 of (-1)^j x_j with the modes in reverse
//
// The running sums of DCT1 and DST1 cost a rounding error of some sqrt(n) units in the last place of the largest mode. Rounding errors of the larger
// of two lines of a pair appear in the smaller one.
//
// See: W. Press et al., Numerical Recipes, section "Fast Fourier transform of real functions, sine and cosine transforms"; J. Makhoul, A fast cosine
// transform in one and two dimensions, IEEE Trans. ASSP 28 (1980) 27. FFTW's own r2r transforms of these kinds use no vector instructions.
#include "dct.h"
#include <fftw3.h>

#define LANES 8 // lines of a block
#define ALIGN 64

typedef double    Vec __attribute__((vector_size(LANES * sizeof(double)), aligned(sizeof(double)), may_alias));
typedef double    Quad __attribute__((vector_size(4 * sizeof(double)), aligned(sizeof(double)), may_alias));
typedef long long Mask __attribute__((vector_size(LANES * sizeof(double))));
typedef long long QuadMask __attribute__((vector_size(4 * sizeof(double))));

// Macros, because functions that take or return vectors have no fixed binary interface where the processor has shorter ones.
#if defined(__clang__)
#  define SHUFFLE(type, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#  define SHUFFLE(type, a, b, ...) __builtin_shuffle(a, b, (type){__VA_ARGS__})
#endif
#define SWAP(a)       SHUFFLE(Mask, a, a, 1, 0, 3, 2, 5, 4, 7, 6)
#define TURN          ((Vec){-1, 1, -1, 1, -1, 1, -1, 1}) // i (a + i b) = TURN * SWAP
#define ROW(x, j)     (*(Vec *)((x) + (j)*stride))        // slot j of the caller's lines
#define SLOT(work, j) (*(Vec *)((work) + (ptrdiff_t)(j)*LANES))

struct SnaDct_ {
  PetscInt  n;
  fftw_plan plan;  // fold -> wave, forward
  double   *fold;  // [n][LANES] y
  double   *wave;  // [n][LANES] W
  double   *tile;  // [n+1][LANES] lines that do not stand beside each other, or fewer than LANES
  double   *table; // [n+1] sin(pi j/(2n))
  char     *memory;
};

static size_t WorkDoubles(PetscInt n)
{
  return 3 * ((size_t)n + 1) * LANES + (size_t)n + 1;
}

double SnaDctMemory(PetscInt n)
{
  return (double)(sizeof(struct SnaDct_) + WorkDoubles(n) * sizeof(double) + ALIGN);
}

PetscErrorCode SnaDctCreate(PetscInt n, unsigned fftw_effort, SnaDct *dct)
{
  SnaDct d;

  PetscFunctionBeginUser;
  PetscCheck(n >= 1, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " points", n);
  PetscCall(PetscNew(&d));
  d->n = n;
  PetscCall(PetscCalloc1(WorkDoubles(n) * sizeof(double) + ALIGN, &d->memory));
  d->fold  = (double *)(((uintptr_t)d->memory + ALIGN - 1) / ALIGN * ALIGN);
  d->wave  = d->fold + ((size_t)n + 1) * LANES;
  d->tile  = d->wave + ((size_t)n + 1) * LANES;
  d->table = d->tile + ((size_t)n + 1) * LANES;
  // Of the first octant, where the argument is small, and so that sin and cos of 45 degrees are the same number.
  for (PetscInt j = 0; j <= n; j++) {
    const double x = 0.5 * PETSC_PI / (double)n;
    d->table[j]    = 2 * j <= n ? sin(x * (double)j) : cos(x * (double)(n - j));
  }
  d->plan = fftw_plan_guru_dft(1, &(fftw_iodim){(int)n, LANES / 2, LANES / 2}, 1, &(fftw_iodim){LANES / 2, 1, 1},
    (fftw_complex *)d->fold, (fftw_complex *)d->wave, FFTW_FORWARD, fftw_effort | FFTW_DESTROY_INPUT);
  PetscCheck(d->plan, PETSC_COMM_SELF, PETSC_ERR_LIB, "FFTW has no plan for %" PetscInt_FMT " points", n);
  *dct = d;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDctDestroy(SnaDct *dct)
{
  PetscFunctionBeginUser;
  if (!*dct) PetscFunctionReturn(0);
  fftw_destroy_plan((*dct)->plan);
  PetscCall(PetscFree((*dct)->memory));
  PetscCall(PetscFree(*dct));
  PetscFunctionReturn(0);
}

static void Cosine1(SnaDct d, double *x, ptrdiff_t stride)
{
  const PetscInt n = d->n;
  const Vec      a = ROW(x, 0), b = ROW(x, n);
  Vec            odd = a - b; // X_1, then X_3, X_5, ...

  SLOT(d->fold, 0) = 0.5 * (a + b);
  for (PetscInt j = 1; 2 * j < n; j++) {
    const Vec left = ROW(x, j), right = ROW(x, n - j), difference = left - right, even = 0.5 * (left + right),
              part = d->table[2 * j] * difference;
    odd += 2 * d->table[n - 2 * j] * difference;
    SLOT(d->fold, j)     = even + part;
    SLOT(d->fold, n - j) = even - part;
  }
  if (n % 2 == 0) SLOT(d->fold, n / 2) = ROW(x, n / 2);
  fftw_execute(d->plan);
  ROW(x, 0) = 2 * SLOT(d->wave, 0);
  ROW(x, 1) = odd;
  for (PetscInt k = 1; 2 * k <= n; k++) {
    const Vec w = SLOT(d->wave, k), v = SLOT(d->wave, n - k), difference = w - v;
    ROW(x, 2 * k) = w + v;
    if (2 * k == n) break;
    odd -= TURN * SWAP(difference);
    ROW(x, 2 * k + 1) = odd;
  }
}

static void Sine1(SnaDct d, double *x, ptrdiff_t stride)
{
  const PetscInt n    = d->n;
  const Vec      zero = {0};
  Vec            odd;

  SLOT(d->fold, 0) = zero;
  for (PetscInt j = 1; 2 * j <= n; j++) {
    const Vec left = ROW(x, j), right = ROW(x, n - j), half = 0.5 * (left - right),
              even       = d->table[2 * j] * (left + right);
    SLOT(d->fold, j)     = even + half;
    SLOT(d->fold, n - j) = even - half;
  }
  fftw_execute(d->plan);
  ROW(x, 0) = zero;
  odd       = SLOT(d->wave, 0);
  if (n > 1) ROW(x, 1) = odd;
  for (PetscInt k = 1; 2 * k < n; k++) {
    const Vec w = SLOT(d->wave, k), v = SLOT(d->wave, n - k), difference = w - v;
    ROW(x, 2 * k) = TURN * SWAP(difference);
    if (2 * k + 1 == n) break;
    odd += w + v;
    ROW(x, 2 * k + 1) = odd;
  }
  ROW(x, n) = zero;
}

// DCT2, and DST2 by way of it: the sign of odd points, and the slot of mode k: first + step*k.
static void Forward2(SnaDct d, PetscBool sine, double *x, ptrdiff_t stride)
{
  const PetscInt n = d->n, first = sine ? n : 0, step = sine ? -1 : 1;
  const double   sign = sine ? -1 : 1;
  const Vec      zero = {0};

  for (PetscInt j = 0; 2 * j < n; j++) SLOT(d->fold, j) = ROW(x, 2 * j);
  for (PetscInt j = 0; 2 * j + 1 < n; j++) SLOT(d->fold, n - 1 - j) = sign * ROW(x, 2 * j + 1);
  fftw_execute(d->plan);
  ROW(x, first) = 2 * SLOT(d->wave, 0);
  for (PetscInt k = 1; 2 * k <= n; k++) {
    const Vec w = SLOT(d->wave, k), v = SLOT(d->wave, n - k), sum = w + v, difference = w - v,
              turned = TURN * SWAP(difference);
    const double c = d->table[n - k], s = d->table[k];
    ROW(x, first + step * k)       = c * sum - s * turned;
    ROW(x, first + step * (n - k)) = s * sum + c * turned;
  }
  ROW(x, n - first) = zero;
}

// The inverse Fourier transform is the forward one read backwards.
static void Backward2(SnaDct d, PetscBool sine, double *x, ptrdiff_t stride)
{
  const PetscInt n = d->n, first = sine ? n : 0, step = sine ? -1 : 1;
  const double   sign = sine ? -1 : 1;
  const Vec      zero = {0};

  SLOT(d->fold, 0) = ROW(x, first);
  for (PetscInt k = 1; 2 * k <= n; k++) {
    const Vec    a = ROW(x, first + step * k), b = ROW(x, first + step * (n - k));
    const double c = d->table[n - k], s = d->table[k];
    const Vec    sum = c * a + s * b, difference = c * b - s * a, turned = TURN * SWAP(difference);
    SLOT(d->fold, k)     = sum - turned;
    SLOT(d->fold, n - k) = sum + turned;
  }
  fftw_execute(d->plan);
  ROW(x, 0) = SLOT(d->wave, 0);
  for (PetscInt j = 1; 2 * j < n; j++) ROW(x, 2 * j) = SLOT(d->wave, n - j);
  for (PetscInt j = 0; 2 * j + 1 < n; j++) ROW(x, 2 * j + 1) = sign * SLOT(d->wave, j + 1);
  ROW(x, n) = zero;
}

static void Block(SnaDct d, SnaFftKind kind, PetscBool backward, double *x, ptrdiff_t stride)
{
  const PetscBool sine = kind == SNA_FFT_DST2 ? PETSC_TRUE : PETSC_FALSE;

  if (kind == SNA_FFT_DCT1)
    Cosine1(d, x, stride);
  else if (kind == SNA_FFT_DST1)
    Sine1(d, x, stride);
  else if (backward)
    Backward2(d, sine, x, stride);
  else
    Forward2(d, sine, x, stride);
}

// to[j*to_stride + i] = from[i*from_stride + j], i < rows, j < columns
static void Transpose(
  PetscInt rows, PetscInt columns, const double *from, ptrdiff_t from_stride, double *to, ptrdiff_t to_stride)
{
  const PetscInt whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;

  for (PetscInt j = 0; j < whole_columns; j += 4) {
    for (PetscInt i = 0; i < whole_rows; i += 4) {
      const double *f = from + i * from_stride + j;
      double       *t = to + j * to_stride + i;
      const Quad a = *(const Quad *)f, b = *(const Quad *)(f + from_stride), c = *(const Quad *)(f + 2 * from_stride),
                 e  = *(const Quad *)(f + 3 * from_stride);
      const Quad ac = SHUFFLE(QuadMask, a, c, 0, 1, 4, 5), be = SHUFFLE(QuadMask, b, e, 0, 1, 4, 5);
      const Quad ca = SHUFFLE(QuadMask, a, c, 2, 3, 6, 7), eb = SHUFFLE(QuadMask, b, e, 2, 3, 6, 7);
      *(Quad *)t                   = SHUFFLE(QuadMask, ac, be, 0, 4, 2, 6);
      *(Quad *)(t + to_stride)     = SHUFFLE(QuadMask, ac, be, 1, 5, 3, 7);
      *(Quad *)(t + 2 * to_stride) = SHUFFLE(QuadMask, ca, eb, 0, 4, 2, 6);
      *(Quad *)(t + 3 * to_stride) = SHUFFLE(QuadMask, ca, eb, 1, 5, 3, 7);
    }
  }
  for (PetscInt j = 0; j < columns; j++) {
    for (PetscInt i = j < whole_columns ? whole_rows : 0; i < rows; i++)
      to[j * to_stride + i] = from[i * from_stride + j];
  }
}

PetscErrorCode SnaDctLines(SnaDct dct, SnaFftKind kind, PetscBool backward, PetscInt m, PetscInt stride, double *data)
{
  const PetscInt rest = m % LANES;

  PetscFunctionBeginUser;
  PetscCheck(kind != SNA_FFT_PERIODIC, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "no kind of cosine or sine transform");
  PetscCheck(m >= 0 && stride >= m, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ,
    "%" PetscInt_FMT " lines, stride %" PetscInt_FMT, m, stride);
  for (PetscInt l = 0; l < m - rest; l += LANES) Block(dct, kind, backward, data + l, stride);
  if (rest) {
    double *x = data + (m - rest);
    PetscCall(PetscArrayzero(dct->tile, ((size_t)dct->n + 1) * LANES));
    for (PetscInt j = 0; j <= dct->n; j++) {
      for (PetscInt l = 0; l < rest; l++) dct->tile[j * LANES + l] = x[j * (ptrdiff_t)stride + l];
    }
    Block(dct, kind, backward, dct->tile, LANES);
    for (PetscInt j = 0; j <= dct->n; j++) {
      for (PetscInt l = 0; l < rest; l++) x[j * (ptrdiff_t)stride + l] = dct->tile[j * LANES + l];
    }
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDctRows(SnaDct dct, SnaFftKind kind, PetscBool backward, PetscInt nrow, PetscInt ld, double *data)
{
  PetscFunctionBeginUser;
  PetscCheck(kind != SNA_FFT_PERIODIC, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "no kind of cosine or sine transform");
  PetscCheck(nrow >= 0 && ld > dct->n, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ,
    "%" PetscInt_FMT " lines, %" PetscInt_FMT " apart", nrow, ld);
  for (PetscInt l = 0; l < nrow; l += LANES) {
    const PetscInt count = PetscMin(LANES, nrow - l);
    double        *x     = data + l * (ptrdiff_t)ld;
    if (count < LANES) PetscCall(PetscArrayzero(dct->tile, ((size_t)dct->n + 1) * LANES));
    Transpose(count, dct->n + 1, x, ld, dct->tile, LANES);
    Block(dct, kind, backward, dct->tile, LANES);
    Transpose(dct->n + 1, count, dct->tile, LANES, x, ld);
  }
  PetscFunctionReturn(0);
}
