// stokes.c - permeability: Stokes flow through the voxels on the staggered (MAC) grid, solved for the forces of the solid on the flow.
//
// Support S: solid faces and fluid faces along walls, with c = 0 and 1/sum of wall coefficients (stokes_support.c). With viscosity 1, the Green operator G
// of the uniform medium (divergence-free velocity without mean of a force f) and a mean velocity U,
//
//   u = G f + U,   u = -c f on S    =>    A f = (R G R^T + diag(c)) f = -R U,   A symmetric positive semidefinite, consistent
//
// by conjugate gradients with the local preconditioner  D R (shift - Lap) R^T D,  D = (1 + kappa c)^-1/2,  kappa = 4/3 sum 1/h_a^2  (4/h^2).
// The mean force on the solid per volume, -sum f/N, is the column of the resistance 1/K.
//
//   G^_k = (1 - d d*/L)/L,   d_a = (1 - exp(-i theta_a))/h_a,   L = sum |d_a|^2,   G^_0 = 0
//   octant: sines and cosines; d_a = +-2 sin(theta_a/2)/h_a, + for the axis of the flow, - for the others (derivative of a cosine)
//
// The vectors here are those of the system scaled by D: r is D times the residual, f is D^-1 times the force, and the preconditioner is the bare
// stencil. An iteration goes twice over memory: (p, transform) and (transform, f, r, r.z one plane behind); p.Ap comes from the spectrum.
//
// See: F. Bignonnet, Efficient FFT-based upscaling of the permeability of porous media discretized on uniform grids with estimation of RVE size,
// Comput. Methods Appl. Mech. Engrg. 369 (2020) 113237; A. Wiegmann, Computation of the permeability of porous materials from their microstructure by
// FFF-Stokes, Fraunhofer ITWM report 129 (2007). Preconditioner and wall compliances: doc/homogenisation.md.
//
// Not here: percolation. Without a path for the flow the system has no solution.
#include "stokes.h"

typedef long long Mask __attribute__((vector_size(LANES * sizeof(double))));

// Macros, because functions that take or return vectors have no fixed binary interface where the processor has shorter ones.
#define WHERE(condition, v) ((Vec)((Mask)(condition) & (Mask)(v)))
#if defined(__clang__)
#  define SWAP(v) __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6)
#else
#  define SWAP(v) __builtin_shuffle(v, (Mask){1, 0, 3, 2, 5, 4, 7, 6})
#endif

// The codes of LANES faces in one number, 0 if none of them has a force.
static inline uint64_t Codes(const uint8_t *code)
{
  uint64_t codes;
  memcpy(&codes, code, LANES);
  return codes;
}

static inline void Lookup(const double table[16], const uint8_t *code, Vec *value)
{
#if defined(__AVX512F__) && !defined(__clang__)
  const Mask index = ((Mask){0} + (long long)Codes(code)) >> (Mask){0, 8, 16, 24, 32, 40, 48, 56} & 15;
  *value           = __builtin_shuffle(LOAD(table), LOAD(table + LANES), index); // one instruction
#else
  for (int l = 0; l < LANES; l++) (*value)[l] = table[code[l]];
#endif
}

#define DELAY 4 // steps of the error estimate, fewer at the start

// ---------------------------------------------------------------------------------------------------------------------
// Green operator
// ---------------------------------------------------------------------------------------------------------------------
// u^ in place of f^, and its part of u.f. With S v = v after swapping real and imaginary parts, and the sign of the latter in Im: d* f = Re f + Im S f,
// d g = Re g - Im S g. Octant: Im = 0.
void SnaStokesGreen(void *ctx, PetscInt ky, double *block)
{
  const Vec           signs = {1, -1, 1, -1, 1, -1, 1, -1};
  Stokes             *s     = (Stokes *)ctx;
  const SnaFftLayout *l     = s->layout;
  const PetscInt      row = l->row, ny = l->points[1], nz = l->points[2];
  const double        yr = s->symbol[1][ky], yi = s->symbol[1][ny + ky];
  double             *energy = s->energy, sum = 0;

  for (PetscInt m = 0; m < row; m++) energy[m] = 0;
  for (PetscInt kz = 0; kz < nz; kz++) {
    const double zr = s->symbol[2][kz], zi = s->symbol[2][nz + kz], yz = yr * yr + yi * yi + zr * zr + zi * zi;
    double      *line = block + (size_t)kz * 3 * (size_t)row;
    for (PetscInt m = 0; m < row; m += LANES) {
      const Vec xr = LOAD(s->symbol[0] + m), xi = LOAD(s->symbol[0] + row + m), L = xr * xr + xi * xi + yz;
      const Vec inverse = WHERE(L > 0, 1 / L), a = l->scale * inverse; // 0: no mean velocity
      const Vec f0 = LOAD(line + m), f1 = LOAD(line + row + m), f2 = LOAD(line + 2 * row + m);
      const Vec h  = inverse * (xr * f0 + yr * f1 + zr * f2 + signs * (xi * SWAP(f0) + yi * SWAP(f1) + zi * SWAP(f2)));
      const Vec g  = signs * SWAP(h);
      const Vec u0 = a * (f0 - xr * h + xi * g), u1 = a * (f1 - yr * h + yi * g), u2 = a * (f2 - zr * h + zi * g);
      LOAD(energy + m) += l->weight[2][kz] * (f0 * u0 + f1 * u1 + f2 * u2);
      LOAD(line + m)           = u0;
      LOAD(line + row + m)     = u1;
      LOAD(line + 2 * row + m) = u2;
    }
  }
  for (PetscInt m = 0; m < row; m++) sum += l->weight[0][m] * energy[m];
  s->part[nz + ky] = l->weight[1][ky] * sum;
}

// ---------------------------------------------------------------------------------------------------------------------
// Set-up
// ---------------------------------------------------------------------------------------------------------------------
// Transforms, faces and weights for a mean flow along `axis` (periodic: any).
static PetscErrorCode SetUpAxis(SnaCell cell, PetscInt axis)
{
  Stokes             *s = (Stokes *)cell->data;
  const SnaFftLayout *l;

  PetscFunctionBeginUser;
  if (s->axis == axis) PetscFunctionReturn(0);
  s->axis = axis;
  if (cell->octant) SnaStokesKinds(axis, s->kind);
  PetscCall(SnaFftDestroy(&s->fft));
  PetscCall(SnaFftCreate(cell->comm, cell->voxels->n, 3, cell->octant ? (const SnaFftKind(*)[3])s->kind : NULL,
    &cell->spec->tuning, &s->fft));
  PetscCall(SnaFftGetLayout(s->fft, &s->layout));
  l = s->layout;
  PetscCheck(l->z0 == s->z0 && l->nz == s->nz, cell->comm, PETSC_ERR_PLIB, "planes of transform and image differ");
  if (!s->q) {
    // SnaFftMalloc() counts in the transform's planes; the stencil reads up to a double beyond the ends of r and its ghosts
    const PetscInt size = (PetscInt)((s->plane * (size_t)s->nz + (size_t)l->plane - 1) / (size_t)l->plane);
    const PetscInt more =
      (PetscInt)((s->plane * (size_t)(s->nz + 2) + 2 * LANES + (size_t)l->plane - 1) / (size_t)l->plane);
    PetscCall(SnaFftMalloc(s->fft, size, &s->f));
    PetscCall(SnaFftMalloc(s->fft, more, &s->ghost[0]));
    PetscCall(SnaFftMalloc(s->fft, size, &s->p));
    PetscCall(SnaFftMalloc(s->fft, s->nz, &s->q));
    s->memory = s->ghost[0];
    s->ghost[0] += LANES;
    s->r        = s->ghost[0] + s->plane;
    s->ghost[1] = s->r + (size_t)s->nz * s->plane;
    for (PetscInt a = 0; a < 3; a++) PetscCall(PetscMalloc1((size_t)(2 * (a ? l->points[a] : l->row)), &s->symbol[a]));
    PetscCall(PetscMalloc1((size_t)l->row, &s->energy));
  }
  for (PetscInt a = 0; a < 3; a++) {
    const PetscInt n = a ? l->points[a] : l->row;
    for (PetscInt m = 0; m < n; m++) {
      const double half = l->theta[a][m] / 2, e = 2 * sin(half) / s->h[a];
      s->symbol[a][m]     = cell->octant ? (a == axis ? e : -e) : e * sin(half);
      s->symbol[a][n + m] = cell->octant ? 0 : e * cos(half);
    }
  }
  for (PetscInt c = 0; c < 3; c++)
    for (PetscInt i = 0; i < s->points[0]; i++)
      s->weight[c * s->row + i] = cell->octant && axis == 0 && c == 0 && (i == 0 || i == s->points[0] - 1) ? 0.5 : 1;
  PetscCall(SnaStokesFaces(
    cell, cell->octant ? (const SnaFftKind(*)[3])s->kind : NULL, (PetscBool)(cell->variant == 0), s->row, s->code));
  PetscFunctionReturn(0);
}

// Weight of a row of component c.
static double RowWeight(const Stokes *s, PetscInt k, PetscInt j, PetscInt c)
{
  const PetscInt at = c == 1 ? j : s->z0 + k;
  return s->layout->mirror && c > 0 && c == s->axis && (at == 0 || at == s->points[c] - 1) ? 0.5 : 1;
}

// ---------------------------------------------------------------------------------------------------------------------
// Sums
// ---------------------------------------------------------------------------------------------------------------------
static double PlaneSum(Stokes *s)
{
  const PetscInt n   = 3 * s->row;
  double         sum = 0;

  for (PetscInt i = 0; i < n; i++) {
    sum += s->weight[i] * s->sum[i];
    s->sum[i] = 0;
  }
  return sum;
}

static double Sum(const Stokes *s, PetscInt from, PetscInt n)
{
  double sum = 0;

  for (PetscInt i = from; i < from + n; i++) sum += s->part[i];
  return sum;
}

// Planes of r beyond this rank's: the neighbours', or round the period; nothing comes from beyond a mirror.
static PetscErrorCode Exchange(SnaCell cell)
{
  Stokes     *s    = (Stokes *)cell->data;
  const int   n    = (int)s->plane;
  double     *last = SnaStokesRow(s, s->r, s->nz - 1, 0, 0);
  PetscMPIInt down, up;

  PetscFunctionBeginUser;
  SnaStokesNeighbours(cell, &down, &up);
  PetscCallMPI(
    MPI_Sendrecv(last, n, MPI_DOUBLE, up, 0, s->ghost[0], n, MPI_DOUBLE, down, 0, cell->comm, MPI_STATUS_IGNORE));
  PetscCallMPI(
    MPI_Sendrecv(s->r, n, MPI_DOUBLE, down, 1, s->ghost[1], n, MPI_DOUBLE, up, 1, cell->comm, MPI_STATUS_IGNORE));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Passes
// ---------------------------------------------------------------------------------------------------------------------
// z = -Lap r on the vectors of one row that have forces. Only the ends look round the period or into the mirror.
static void Stencil(const Stokes *s, PetscInt k, PetscInt j, PetscInt c, const uint8_t *code, double *z)
{
  const PetscInt  *n = s->layout->n, n0 = s->points[0], k0 = s->z0 + k;
  const SnaFftKind kx = s->kind[c][0], ky = s->kind[c][1], kz = s->kind[c][2];
  const double     ax = 1 / (s->h[0] * s->h[0]), ay = 1 / (s->h[1] * s->h[1]), az = 1 / (s->h[2] * s->h[2]);
  // Where every face carries a force the Laplacian alone would be blind to a constant: its smallest other eigenvalue stands in.
  const double   center  = 2 * (ax + ay + az) + s->shift;
  double         sign[4] = {1, 1, 1, 1};
  const PetscInt south = SnaStokesBeside(ky, n[1], j, -1, sign), north = SnaStokesBeside(ky, n[1], j, 1, sign + 1);
  // planes beyond this rank's are ghosts, round the period too
  const PetscBool mirror = s->layout->mirror;
  const PetscInt  below  = mirror ? SnaStokesBeside(kz, n[2], k0, -1, sign + 2) - s->z0 : k - 1;
  const PetscInt  above  = mirror ? SnaStokesBeside(kz, n[2], k0, 1, sign + 3) - s->z0 : k + 1;
  const double    bs = ay * sign[0], bn = ay * sign[1], bb = az * sign[2], ba = az * sign[3];
  const double   *r = SnaStokesRow(s, s->r, k, j, c), *rs = SnaStokesRow(s, s->r, k, south, c),
               *rn = SnaStokesRow(s, s->r, k, north, c), *rb = SnaStokesRow(s, s->r, below, j, c),
               *ra      = SnaStokesRow(s, s->r, above, j, c);
  const PetscInt end[2] = {0, kx == SNA_FFT_DCT2 || kx == SNA_FFT_DST2 ? n[0] - 1 : n0 - 1};

  for (PetscInt i = 0; i < s->row; i += LANES)
    if (Codes(code + i))
      LOAD(z + i) = center * LOAD(r + i) - ax * (LOAD(r + i - 1) + LOAD(r + i + 1)) -
                    (bs * LOAD(rs + i) + bn * LOAD(rn + i)) - (bb * LOAD(rb + i) + ba * LOAD(ra + i));
  for (PetscInt m = 0; m < 2; m++) {
    const PetscInt i = end[m];
    double         west, east;
    const PetscInt iw = SnaStokesBeside(kx, n[0], i, -1, &west), ie = SnaStokesBeside(kx, n[0], i, 1, &east);
    z[i] = center * r[i] - ax * (west * r[iw] + east * r[ie]) - (bs * rs[i] + bn * rn[i]) - (bb * rb[i] + ba * ra[i]);
  }
}

// q holds z on entry: p = z + beta p; q = D p; returns the plane's part of p.c p.
static double SearchPlane(Stokes *s, PetscInt k, double beta)
{
  const double compliance = 1 / s->kappa; // D c D = (1 - D^2)/kappa

  for (PetscInt j = 0; j < s->points[1]; j++)
    for (PetscInt c = 0; c < 3; c++) {
      const uint8_t *code = SnaStokesCodes(s, k, j, c);
      double        *p = SnaStokesRow(s, s->p, k, j, c), *q = SnaStokesBuffer(s, k, j, c), *sum = s->sum + c * s->row;
      const double   weight = RowWeight(s, k, j, c) * compliance;
      for (PetscInt i = 0; i < s->row; i += LANES) {
        Vec D, pi;
        if (!Codes(code + i)) {
          LOAD(q + i) = (Vec){0};
          continue;
        }
        Lookup(s->D[c], code + i, &D);
        pi          = WHERE(D > 0, LOAD(q + i)) + beta * LOAD(p + i);
        LOAD(p + i) = pi;
        LOAD(q + i) = D * pi;
        LOAD(sum + i) += weight * (1 - D * D) * pi * pi;
      }
    }
  return PlaneSum(s);
}

// f += alpha p, r -= alpha (D u + D c D p); returns the plane's part of ||residual||^2.
static double UpdatePlane(Stokes *s, PetscInt k, double alpha)
{
  const double compliance = 1 / s->kappa;

  for (PetscInt j = 0; j < s->points[1]; j++)
    for (PetscInt c = 0; c < 3; c++) {
      const uint8_t *code = SnaStokesCodes(s, k, j, c);
      const double  *p = SnaStokesRow(s, s->p, k, j, c), *u = SnaStokesBuffer(s, k, j, c);
      double      *f = SnaStokesRow(s, s->f, k, j, c), *r = SnaStokesRow(s, s->r, k, j, c), *sum = s->sum + c * s->row;
      const double weight = RowWeight(s, k, j, c);
      for (PetscInt i = 0; i < s->row; i += LANES) {
        Vec D, inverse, ri, slip;
        if (!Codes(code + i)) continue;
        Lookup(s->D[c], code + i, &D);
        Lookup(s->inverse[c], code + i, &inverse);
        ri   = LOAD(r + i) - alpha * (D * LOAD(u + i) + compliance * (1 - D * D) * LOAD(p + i));
        slip = inverse * ri;
        LOAD(f + i) += alpha * LOAD(p + i);
        LOAD(r + i) = ri;
        LOAD(sum + i) += weight * slip * slip;
      }
    }
  return PlaneSum(s);
}

// z into q, whose velocities are done with; returns the plane's part of r.z.
static double ProductPlane(Stokes *s, PetscInt k)
{
  for (PetscInt j = 0; j < s->points[1]; j++)
    for (PetscInt c = 0; c < 3; c++) {
      const uint8_t *code = SnaStokesCodes(s, k, j, c);
      const double  *r    = SnaStokesRow(s, s->r, k, j, c);
      double        *sum = s->sum + c * s->row, *z = SnaStokesBuffer(s, k, j, c);
      const double   weight = RowWeight(s, k, j, c);
      Stencil(s, k, j, c, code, z);
      for (PetscInt i = 0; i < s->row; i += LANES)
        if (Codes(code + i)) LOAD(sum + i) += weight * LOAD(r + i) * LOAD(z + i);
    }
  return PlaneSum(s);
}

// f = p = 0, r = -D U; returns the plane's part of ||R U||^2.
static double StartPlane(Stokes *s, PetscInt k)
{
  for (PetscInt j = 0; j < s->points[1]; j++)
    for (PetscInt c = 0; c < 3; c++) {
      const uint8_t *code = SnaStokesCodes(s, k, j, c);
      double        *f = SnaStokesRow(s, s->f, k, j, c), *p = SnaStokesRow(s, s->p, k, j, c),
             *r           = SnaStokesRow(s, s->r, k, j, c);
      const double weight = RowWeight(s, k, j, c);
      for (PetscInt i = 0; i < s->row; i++) {
        f[i] = 0;
        p[i] = 0;
        r[i] = -s->load[c] * s->D[c][code[i]];
        s->sum[c * s->row + i] += code[i] == SNA_FACE_FREE ? 0 : weight * s->load[c] * s->load[c];
      }
    }
  return PlaneSum(s);
}

// ---------------------------------------------------------------------------------------------------------------------
// Solve
// ---------------------------------------------------------------------------------------------------------------------
// part[0..n) from all ranks: each holds its own entries, the others are zero, so that the order of the sums over part is always the same.
static PetscErrorCode Share(SnaCell cell, PetscInt n)
{
  Stokes *s = (Stokes *)cell->data;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, s->part, (int)n, MPI_DOUBLE, MPI_SUM, cell->comm));
  PetscFunctionReturn(0);
}

// The first half of an iteration: p, and p.Ap over the cell.
static PetscErrorCode Search(SnaCell cell, double beta, double *energy)
{
  Stokes        *s      = (Stokes *)cell->data;
  const PetscInt planes = s->points[2], n = planes + s->points[1];

  PetscFunctionBeginUser;
  PetscCall(PetscArrayzero(s->part, (size_t)n));
  for (PetscInt k = 0; k < s->nz; k++) {
    s->part[s->z0 + k] = (cell->octant ? 8 : 1) * SearchPlane(s, k, beta);
    PetscCall(SnaFftForwardPlane(s->fft, s->q + (size_t)k * (size_t)s->layout->plane));
  }
  PetscCall(SnaFftSpectrum(s->fft, s->q, SnaStokesGreen, s));
  PetscCall(Share(cell, n));
  *energy = Sum(s, 0, n);
  PetscFunctionReturn(0);
}

// r.z of the planes next to other ranks, and both sums over the cell.
static PetscErrorCode Products(SnaCell cell, double *norm2, double *rho)
{
  Stokes        *s      = (Stokes *)cell->data;
  const PetscInt planes = s->points[2];

  PetscFunctionBeginUser;
  PetscCall(Exchange(cell));
  s->part[planes + s->z0] = ProductPlane(s, 0);
  if (s->nz > 1) s->part[planes + s->z0 + s->nz - 1] = ProductPlane(s, s->nz - 1);
  PetscCall(Share(cell, 2 * planes));
  *norm2 = (cell->octant ? 8 : 1) * Sum(s, 0, planes);
  *rho   = (cell->octant ? 8 : 1) * Sum(s, planes, planes);
  PetscFunctionReturn(0);
}

static PetscErrorCode Start(SnaCell cell, double *norm2, double *rho)
{
  Stokes        *s      = (Stokes *)cell->data;
  const PetscInt planes = s->points[2];

  PetscFunctionBeginUser;
  PetscCall(PetscArrayzero(s->part, (size_t)(2 * planes)));
  for (PetscInt k = 0; k < s->nz; k++) s->part[s->z0 + k] = StartPlane(s, k);
  for (PetscInt k = 1; k < s->nz - 1; k++) s->part[planes + s->z0 + k] = ProductPlane(s, k);
  PetscCall(Products(cell, norm2, rho));
  PetscFunctionReturn(0);
}

// The second half of an iteration.
static PetscErrorCode Update(SnaCell cell, double alpha, double *norm2, double *rho)
{
  Stokes        *s      = (Stokes *)cell->data;
  const PetscInt planes = s->points[2];

  PetscFunctionBeginUser;
  PetscCall(PetscArrayzero(s->part, (size_t)(2 * planes)));
  for (PetscInt k = 0; k < s->nz; k++) {
    PetscCall(SnaFftBackwardPlane(s->fft, s->q + (size_t)k * (size_t)s->layout->plane));
    s->part[s->z0 + k] = UpdatePlane(s, k, alpha);
    if (k > 1) s->part[planes + s->z0 + k - 1] = ProductPlane(s, k - 1); // while its neighbours are in the cache
  }
  PetscCall(Products(cell, norm2, rho));
  PetscFunctionReturn(0);
}

// -sum f/N of each component; odd ones vanish over an octant's cell. Along the load it is corrected by r.f, which rounding leaves: U.mean is then the energy,
// with an error quadratic in the residual.
static PetscErrorCode MeanForce(SnaCell cell, double mean[3])
{
  Stokes        *s      = (Stokes *)cell->data;
  const PetscInt planes = s->points[2], *n = s->layout->n;
  const double   volume = (double)n[0] * (double)n[1] * (double)n[2];
  double         load2  = 0, correction;

  PetscFunctionBeginUser;
  PetscCall(PetscArrayzero(s->part, (size_t)(4 * planes)));
  for (PetscInt k = 0; k < s->nz; k++)
    for (PetscInt c = 0; c < 3; c++) {
      double sum[2] = {0, 0};
      for (PetscInt j = 0; j < s->points[1]; j++) {
        const uint8_t *code = SnaStokesCodes(s, k, j, c);
        const double  *f = SnaStokesRow(s, s->f, k, j, c), *r = SnaStokesRow(s, s->r, k, j, c),
                     *x     = s->weight + c * s->row;
        const double weight = RowWeight(s, k, j, c);
        for (PetscInt i = 0; i < s->row; i++) {
          sum[0] += weight * x[i] * s->D[c][code[i]] * f[i];
          sum[1] += weight * x[i] * r[i] * f[i];
        }
      }
      s->part[c * planes + s->z0 + k] = sum[0];
      s->part[3 * planes + s->z0 + k] += sum[1];
    }
  PetscCall(Share(cell, 4 * planes));
  for (PetscInt c = 0; c < 3; c++) load2 += s->load[c] * s->load[c];
  correction = load2 > 0 ? Sum(s, 3 * planes, planes) / load2 : 0;
  for (PetscInt c = 0; c < 3; c++)
    mean[c] = cell->octant && c != s->axis ? 0 : (s->load[c] * correction - Sum(s, c * planes, planes)) / volume;
  PetscFunctionReturn(0);
}

// Relative error of the energy f.A f that iterating left. Each iteration adds step = rho^2/p.Ap to it (Hestenes, Stiefel 1952); the sums of the last DELAY
// and of as many steps before them give the rate at which the rest will follow.
static double EnergyError(PetscInt it, const double step[2 * DELAY], double gain, double residual)
{
  const PetscInt delay = PetscMin(DELAY, it / 2);
  double         now = 0, before = 0, rate;

  if (delay == 0) return residual * residual;
  for (PetscInt m = 0; m < delay; m++) {
    now += step[(it - 1 - m) % (2 * DELAY)];
    before += step[(it - 1 - delay - m) % (2 * DELAY)];
  }
  rate = PetscMin(now / before, 0.9);
  return now * rate / (1 - rate) / gain;
}

static PetscErrorCode Solve_Permeability(
  SnaCell cell, const double load[], SnaHomogMonitor monitor, void *ctx, SnaCellLoad *result)
{
  Stokes      *s    = (Stokes *)cell->data;
  const double rtol = cell->spec->rtol[SNA_PERMEABILITY];
  PetscInt     axis = 0, nonzero = 0;
  double       norm2, start2, rho, beta = 0, energy = 0, step[2 * DELAY] = {0}, gain = 0;

  PetscFunctionBeginUser;
  for (PetscInt c = 0; c < 3; c++) {
    s->load[c] = load[c];
    if (load[c] == 0) continue;
    axis = c;
    nonzero++;
  }
  PetscCheck(!cell->octant || nonzero <= 1, cell->comm, PETSC_ERR_ARG_WRONG, "an octant takes a flow along one axis");
  PetscCall(SetUpAxis(cell, cell->octant ? axis : 0));
  result->seconds = -MPI_Wtime();
  PetscCall(Start(cell, &norm2, &rho));
  start2            = norm2;
  result->converged = (PetscBool)(start2 == 0);
  while (!result->converged && !result->stopped && !result->breakdown && result->iterations < cell->spec->max_it) {
    const double old = rho;

    PetscCall(Search(cell, beta, &energy));
    if (!(energy > 0) || !(rho > 0)) { // round-off is all that is left, or there is no solution
      result->breakdown = PETSC_TRUE;
      break;
    }
    PetscCall(Update(cell, rho / energy, &norm2, &rho));
    step[result->iterations++ % (2 * DELAY)] = old * old / energy;
    gain += old * old / energy;
    beta              = rho / old;
    result->residual  = sqrt(norm2 / start2);
    result->converged = (PetscBool)(result->residual < rtol);
    PetscCall(
      SnaCellReport_Private(cell, load, result->iterations, result->residual, rtol, monitor, ctx, &result->stopped));
  }
  result->seconds += MPI_Wtime();
  result->error = EnergyError(result->iterations, step, gain, result->residual);
  PetscCall(MeanForce(cell, result->mean));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Life
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode Destroy_Permeability(SnaCell cell)
{
  Stokes *s = (Stokes *)cell->data;

  PetscFunctionBeginUser;
  PetscCall(SnaFftDestroy(&s->fft));
  PetscCall(SnaFftFree(&s->q));
  PetscCall(SnaFftFree(&s->f));
  PetscCall(SnaFftFree(&s->memory));
  PetscCall(SnaFftFree(&s->p));
  PetscCall(PetscFree4(s->code, s->weight, s->sum, s->part));
  for (PetscInt a = 0; a < 3; a++) PetscCall(PetscFree(s->symbol[a]));
  PetscCall(PetscFree(s->energy));
  PetscCall(PetscFree(cell->data));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCellCreate_Permeability(SnaCell cell)
{
  const SnaVoxels v = cell->voxels;
  Stokes         *s;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&s));
  cell->data        = s;
  cell->ops.solve   = Solve_Permeability;
  cell->ops.field   = SnaStokesField;
  cell->ops.destroy = Destroy_Permeability;
  cell->nfield      = 2;
  cell->field       = SnaStokesFields;
  s->axis           = -1;
  s->z0             = v->z0;
  s->nz             = v->nz + (cell->octant && cell->rank == cell->size - 1 ? 1 : 0);
  s->kappa          = 0;
  for (PetscInt a = 0; a < 3; a++) {
    s->h[a]      = v->h[a];
    s->points[a] = v->n[a] + (cell->octant ? 1 : 0);
    s->kappa += 4 / (3 * v->h[a] * v->h[a]);
    const double wave = 2 * sin(PETSC_PI / (double)(v->n[a] * (cell->octant ? 2 : 1))) / v->h[a];
    if (wave > 1e-8 / v->h[a]) s->shift = s->shift > 0 ? PetscMin(s->shift, wave * wave) : wave * wave;
  }
  for (PetscInt c = 0; c < 3; c++) {
    const PetscInt a = c == 0 ? 1 : 0, b = c == 2 ? 1 : 2;
    for (PetscInt m = SNA_FACE_FREE + 1; m < SNA_FACE_SOLID; m++) {
      const double wall = (double)(m % 3) / (s->h[a] * s->h[a]) + (double)(m / 3) / (s->h[b] * s->h[b]);
      s->D[c][m]        = 1 / sqrt(1 + s->kappa / wall);
      s->inverse[c][m]  = 1 / s->D[c][m];
    }
    s->D[c][SNA_FACE_SOLID] = s->inverse[c][SNA_FACE_SOLID] = 1;
  }
  s->row   = (s->points[0] + LANES - 1) / LANES * LANES;
  s->plane = (size_t)(s->row * s->points[1] * 3);
  PetscCall(PetscCalloc4(s->plane * (size_t)s->nz, &s->code, (size_t)(3 * s->row), &s->weight, (size_t)(3 * s->row),
    &s->sum, (size_t)(s->points[2] + PetscMax(s->points[1], 3 * s->points[2])), &s->part));
  PetscFunctionReturn(0);
}

double SnaCellMemory_Permeability(const PetscInt n[3], PetscBool octant, PetscMPIInt size)
{
  const PetscInt more   = octant ? 1 : 0;
  const double   nz     = (double)((n[2] + size - 1) / size + more); // of the rank with most
  const double   plane  = 3.0 * (double)((n[0] + more + LANES - 1) / LANES * LANES) * (double)(n[1] + more);
  const double   buffer = 3.0 * (double)((octant ? n[0] + 1 : 2 * (n[0] / 2 + 1)) + 7) * (double)(n[1] + more);

  // f, p, r with its ghosts, all in whole planes of the buffer; codes; buffer; transform
  return 8 * (plane * (3 * nz + 2) + 3 * buffer) + plane * nz + 8 * buffer * nz + SnaFftMemory(n, 3, octant, size);
}
