// elliptic.c - conjugate gradients for the cell problem of elasticity and conductivity, preconditioned by Fourier transforms.
//
//   find u, periodic:   int (load + B u) . D B v = 0 for all v      K u = f,   f = - sum_e B^T D load
//   preconditioner      M = inverse of the same stiffness for a uniform medium, diagonal in Fourier space
//   stopping            sqrt(r.M r / f.M f) <= rtol: the dual energy norm, independent of the grid; the energy's error is its square
//
// Every vector is read and written once per pass, three passes per iteration, plane by plane:
//   A  r -= alpha q, u += alpha p, b = r, transform of b in the plane      B  lines across the planes: symbol, rho = r.z      C  back in the plane, p = z + beta p,
//   product with the layer between this plane and the last one into b
// so that four vectors (u, r, p, b) and one byte of phase are all the memory. The residual is computed anew every 50 iterations and at the end.
//
// On an octant the nodes lie on the mirror planes and between them; forces on a plane are doubled (the mirror image's part) where the component is even and dropped
// where it is odd, so vectors hold the whole cell's nodal values.
//
// See: Ladecky et al., Optimal FFT-accelerated finite element solver for homogenization, IJNME 124 (2023) 3348; Leuschner, Fritzen, Comput. Mech. 62 (2018) 359 (FANS);
// Hestenes, Stiefel (1952) and Strakos, Tichy, ETNA 13 (2002) 56 for the error estimate. Slow where Poisson's ratio is near 1/2 in a porous cell.
#include "elliptic.h"
#include <petsctime.h>

#define REPLACE_EVERY 50 // iterations between residuals computed anew
#define DELAY         4  // iterations that the error estimate looks back

static PetscErrorCode SetMaterials(SnaCell cell, Elliptic *e)
{
  const SnaHomogSpec *spec  = cell->spec;
  double              lm[2] = {0, 0};
  PetscInt            used  = 0;

  PetscFunctionBeginUser;
  e->isotropic = PETSC_TRUE;
  for (int v = 0; v < 256; v++) e->empty[v] = PETSC_TRUE;
  for (PetscInt i = 0; i < spec->nphase; i++) {
    const SnaPhase *p = spec->phase + i;
    const double    V = e->volume;
    double          bulk, shear;
    if (e->ncomp == 3) {
      if (!p->isotropic) e->isotropic = PETSC_FALSE;
      for (int r = 0, k = 0; r < 6; r++)
        for (int c = r; c < 6; c++, k++) e->full[k][p->value] = V * p->C[r][c];
      // the isotropic medium nearest to the phase (Voigt average)
      bulk  = (p->C[0][0] + p->C[1][1] + p->C[2][2] + 2 * (p->C[0][1] + p->C[0][2] + p->C[1][2])) / 9;
      shear = (p->C[0][0] + p->C[1][1] + p->C[2][2] - p->C[0][1] - p->C[0][2] - p->C[1][2] +
                3 * (p->C[3][3] + p->C[4][4] + p->C[5][5])) /
              15;
    } else {
      for (int r = 0, k = 0; r < 3; r++)
        for (int c = r; c < 3; c++, k++) {
          e->full[k][p->value] = V * p->k[r][c];
          if (r != c ? p->k[r][c] != 0 : p->k[r][r] != p->k[0][0]) e->isotropic = PETSC_FALSE;
        }
      bulk  = 0;
      shear = (p->k[0][0] + p->k[1][1] + p->k[2][2]) / 3;
    }
    if (shear <= 0) continue;
    e->empty[p->value]   = PETSC_FALSE;
    e->lame[0][p->value] = V * (e->ncomp == 3 ? bulk - 2 * shear / 3 : shear);
    e->lame[1][p->value] = V * shear;
    lm[0] += e->ncomp == 3 ? bulk - 2 * shear / 3 : shear;
    lm[1] += shear;
    used++;
  }
  e->reference[0] = used ? lm[0] / (double)used : 1;
  e->reference[1] = used ? lm[1] / (double)used : 1;
  PetscFunctionReturn(0);
}

// Which parity the load has on an octant: symmetric under all mirrors, or antisymmetric under two (shear) or one (gradient) of them.
static PetscErrorCode FindParity(SnaCell cell, const Elliptic *e, const double load[], PetscInt *parity)
{
  PetscInt normal = 0, other = 0, which = 0;

  PetscFunctionBeginUser;
  *parity = 0;
  if (!cell->octant) PetscFunctionReturn(0);
  for (PetscInt i = 0; i < e->nload; i++)
    if (load[i] != 0) {
      if (e->ncomp == 3 && i < 3)
        normal++;
      else {
        other++;
        which = i;
      }
    }
  PetscCheck(other <= 1 && !(other && normal), cell->comm, PETSC_ERR_ARG_OUTOFRANGE,
    "an octant takes loads of one symmetry only");
  if (other) *parity = 1 + which;
  PetscFunctionReturn(0);
}

static PetscErrorCode SetParity(SnaCell cell, Elliptic *e, PetscInt parity)
{
  const double *theta;
  int           odd[3][3] = {{0}};

  PetscFunctionBeginUser;
  if (e->fft && e->parity == parity) PetscFunctionReturn(0);
  PetscCall(SnaFftDestroy(&e->fft));
  e->parity = parity;
  for (int c = 0; c < e->ncomp; c++)
    for (int a = 0; a < 3; a++) {
      if (e->ncomp == 1)
        odd[c][a] = parity - 1 == a;
      else if (parity == 0)
        odd[c][a] = c == a;
      else {
        const int third = (int)parity - 4; // the axis that is not in the shear: 23 -> 0, 13 -> 1, 12 -> 2
        odd[c][a]       = a == third ? c == a : c != a;
      }
      e->kind[c][a] = odd[c][a] ? SNA_FFT_DST1 : SNA_FFT_DCT1;
    }
  PetscCall(SnaFftCreate(
    cell->comm, e->n, e->ncomp, cell->octant ? (const SnaFftKind(*)[3])e->kind : NULL, &cell->spec->tuning, &e->fft));
  PetscCall(SnaFftGetLayout(e->fft, &e->layout));
  // d/dx turns a sine into +t cos, a cosine into -t sin, exp(i theta x) into i t exp: the coupling -(d_a d_b) of component b has the sign of both
  for (int i = 0; i < 3; i++) {
    const int a = i == 0 ? 1 : 0, b = i == 2 ? 1 : 2;
    e->sign[i] = !cell->octant || e->ncomp == 1 ? 1 : -(odd[b][b] ? 1 : -1) * (odd[b][a] ? 1 : -1);
  }
  for (int a = 0; a < 3; a++) {
    const PetscInt n = a == 0 ? e->layout->row : e->layout->points[a];
    if (!e->symbol[a]) PetscCall(PetscMalloc1((size_t)(3 * n), &e->symbol[a]));
    theta = e->layout->theta[a];
    for (PetscInt k = 0; k < n; k++) {
      const double half       = sin(0.5 * theta[k]);
      e->symbol[a][k]         = 4 * half * half / e->h[a];
      e->symbol[a][n + k]     = (2 + cos(theta[k])) / 3 * e->h[a];
      e->symbol[a][2 * n + k] = sin(theta[k]);
    }
  }
  PetscFunctionReturn(0);
}

static double *Plane(const Elliptic *e, double *v, PetscInt k)
{
  return v + (size_t)k * (size_t)e->layout->plane;
}

// A periodic line repeats its first entry behind the last one, where the layers look for it.
static void CloseLines(const Elliptic *e, double *plane)
{
  if (e->octant) return;
  for (PetscInt l = 0; l < e->n[1] * e->ncomp; l++) plane[l * e->layout->row + e->n[0]] = plane[l * e->layout->row];
}

// Has this rank's top layer its upper plane on another rank (or round the period on its own first plane)?
static PetscBool HasGhost(SnaCell cell)
{
  return (PetscBool)(!cell->octant || cell->rank + 1 < cell->size);
}
static PetscMPIInt Above(SnaCell cell)
{
  return cell->rank + 1 < cell->size ? cell->rank + 1 : cell->octant ? MPI_PROC_NULL : 0;
}
static PetscMPIInt Below(SnaCell cell)
{
  return cell->rank > 0 ? cell->rank - 1 : cell->octant ? MPI_PROC_NULL : cell->size - 1;
}

PetscErrorCode SnaEllipticGhost(SnaCell cell, double *v, const double **above)
{
  Elliptic *e     = (Elliptic *)cell->data;
  double   *ghost = Plane(e, v, e->layout->nz);

  PetscFunctionBeginUser;
  *above = HasGhost(cell) ? (cell->size == 1 ? v : ghost) : NULL;
  if (cell->size > 1)
    PetscCallMPI(MPI_Sendrecv(v, (int)e->layout->plane, MPI_DOUBLE, Below(cell), 0, ghost, (int)e->layout->plane,
      MPI_DOUBLE, Above(cell), 0, cell->comm, MPI_STATUS_IGNORE));
  PetscFunctionReturn(0);
}

// What is left to do for a plane of forces when both its layers have added theirs: its product with p (NULL: not asked), and on an octant the mirror planes.
static void FinishPlane(const Elliptic *e, PetscInt k, const double *p, double *q, double *dot)
{
  const SnaFftLayout *l  = e->layout;
  const PetscInt      nx = l->points[0], ny = l->points[1], z = l->z0 + k;
  double              sum = 0;

  for (PetscInt y = 0; y < ny; y++)
    for (PetscInt c = 0; c < e->ncomp; c++) {
      double *restrict line = q + (y * e->ncomp + c) * l->row;
      if (p) {
        const double *restrict pline = p + (y * e->ncomp + c) * l->row;
        double part                  = 0;
        for (PetscInt x = 0; x < nx; x++) part += pline[x] * line[x];
        sum += part;
      }
      if (e->octant) {
        double factor = 1;
        if (y == 0 || y == ny - 1) factor *= e->kind[c][1] == SNA_FFT_DST1 ? 0 : 2;
        if (z == 0 || z == l->points[2] - 1) factor *= e->kind[c][2] == SNA_FFT_DST1 ? 0 : 2;
        const double end = e->kind[c][0] == SNA_FFT_DST1 ? 0 : 2;
        if (factor != 1)
          for (PetscInt x = 0; x < nx; x++) line[x] *= factor;
        line[0] *= end;
        line[nx - 1] *= end;
      }
    }
  if (dot) *dot += sum;
}

// Forces of the neighbour below on this rank's first plane.
static PetscErrorCode ReturnGhostForces(SnaCell cell, Elliptic *e)
{
  const PetscInt plane = e->layout->plane;

  PetscFunctionBeginUser;
  if (cell->size == 1) PetscFunctionReturn(0);
  PetscCall(PetscArrayzero(e->ghost, (size_t)plane));
  PetscCallMPI(MPI_Sendrecv(Plane(e, e->b, e->layout->nz), (int)plane, MPI_DOUBLE, Above(cell), 1, e->ghost, (int)plane,
    MPI_DOUBLE, Below(cell), 1, cell->comm, MPI_STATUS_IGNORE));
  for (PetscInt i = 0; i < plane; i++) e->b[i] += e->ghost[i];
  PetscFunctionReturn(0);
}

// Pass C. b holds z in Fourier space of the planes, and q = K p afterwards. *pq: p.q of the whole cell.
static PetscErrorCode Direction(SnaCell cell, Elliptic *e, double beta, double *pq)
{
  const SnaFftLayout *l       = e->layout;
  const size_t        layer   = (size_t)(e->n[0] * e->n[1]);
  const uint8_t      *phase   = cell->voxels->phase;
  double             *ghost_p = Plane(e, e->p, l->nz), *ghost_q = Plane(e, e->b, l->nz);
  const PetscInt      layers = cell->voxels->nz;
  MPI_Request         request[2];
  MPI_Status          status[2];
  double              dot = 0;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < l->nz; k++) {
    double *z = Plane(e, e->b, k), *p = Plane(e, e->p, k);
    PetscCall(SnaFftBackwardPlane(e->fft, z));
    for (PetscInt j = 0; j < l->points[1] * e->ncomp; j++) {
      double *restrict pl       = p + j * l->row;
      const double *restrict zl = z + j * l->row;
      for (PetscInt x = 0; x < l->points[0]; x++) pl[x] = zl[x] + beta * pl[x];
    }
    CloseLines(e, p);
    PetscCall(PetscArrayzero(z, (size_t)l->plane));
    if (k == 0 && cell->size > 1) {
      PetscCallMPI(MPI_Irecv(ghost_p, (int)l->plane, MPI_DOUBLE, Above(cell), 0, cell->comm, &request[0]));
      PetscCallMPI(MPI_Isend(p, (int)l->plane, MPI_DOUBLE, Below(cell), 0, cell->comm, &request[1]));
    }
    if (k == 0) continue;
    e->layer(e, phase + (size_t)(k - 1) * layer, Plane(e, e->p, k - 1), p, Plane(e, e->b, k - 1), z, NULL, NULL);
    if (k > 1) FinishPlane(e, k - 1, Plane(e, e->p, k - 1), Plane(e, e->b, k - 1), &dot);
  }
  if (cell->size > 1) {
    PetscCallMPI(MPI_Waitall(2, request, status));
    PetscCall(PetscArrayzero(ghost_q, (size_t)l->plane));
  }
  if (HasGhost(cell))
    e->layer(e, phase + (size_t)(layers - 1) * layer, Plane(e, e->p, l->nz - 1), cell->size > 1 ? ghost_p : e->p,
      Plane(e, e->b, l->nz - 1), cell->size > 1 ? ghost_q : e->b, NULL, NULL);
  PetscCall(ReturnGhostForces(cell, e));
  FinishPlane(e, 0, e->p, e->b, &dot);
  if (l->nz > 1) FinishPlane(e, l->nz - 1, Plane(e, e->p, l->nz - 1), Plane(e, e->b, l->nz - 1), &dot);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &dot, 1, MPI_DOUBLE, MPI_SUM, cell->comm));
  *pq = dot * (e->octant ? 8 : 1);
  PetscFunctionReturn(0);
}

// r = f - K u and the average stress or flux, from u. Leaves r also in b.
static PetscErrorCode TrueResidual(SnaCell cell, Elliptic *e)
{
  const SnaFftLayout *l      = e->layout;
  const size_t        layer  = (size_t)(e->n[0] * e->n[1]);
  const PetscInt      layers = cell->voxels->nz;
  const double       *above;
  double              voxels = (double)e->n[0] * (double)e->n[1] * (double)e->n[2];

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < l->nz; k++) CloseLines(e, Plane(e, e->u, k));
  PetscCall(SnaEllipticGhost(cell, e->u, &above));
  PetscCall(PetscArrayzero(e->b, (size_t)(l->nz + 1) * (size_t)l->plane));
  PetscCall(PetscArrayzero(e->mean, 6));
  for (PetscInt k = 0; k < layers; k++) {
    const PetscBool top = (PetscBool)(k == l->nz - 1); // the upper plane is a ghost
    e->layer(e, cell->voxels->phase + (size_t)k * layer, Plane(e, e->u, k), top ? above : Plane(e, e->u, k + 1),
      Plane(e, e->b, k), top && cell->size == 1 ? e->b : Plane(e, e->b, k + 1), e->load, e->mean);
  }
  PetscCall(ReturnGhostForces(cell, e));
  for (PetscInt k = 0; k < l->nz; k++) {
    double *restrict b = Plane(e, e->b, k), *restrict r = Plane(e, e->r, k);
    FinishPlane(e, k, NULL, b, NULL);
    for (PetscInt i = 0; i < l->plane; i++) r[i] = b[i] = -b[i];
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, e->mean, 6, MPI_DOUBLE, MPI_SUM, cell->comm));
  for (int i = 0; i < 6; i++) e->mean[i] /= voxels * e->volume;
  if (e->octant) // the octant's average of what is odd about a mirror is not the cell's, which is zero
    for (PetscInt i = 0; i < e->nload; i++)
      if (e->parity == 0 ? i >= 3 : i != e->parity - 1) e->mean[i] = 0;
  PetscFunctionReturn(0);
}

// Pass B on what stands in b; *rho = r.M r of the whole cell.
static PetscErrorCode Precondition(SnaCell cell, Elliptic *e, double *rho)
{
  PetscFunctionBeginUser;
  e->rho = 0;
  PetscCall(SnaFftSpectrum(e->fft, e->b, e->kernel, e));
  PetscCallMPI(MPI_Allreduce(&e->rho, rho, 1, MPI_DOUBLE, MPI_SUM, cell->comm));
  PetscFunctionReturn(0);
}

static PetscErrorCode PreconditionTrueResidual(SnaCell cell, Elliptic *e, double *rho)
{
  PetscFunctionBeginUser;
  PetscCall(TrueResidual(cell, e));
  for (PetscInt k = 0; k < e->layout->nz; k++) PetscCall(SnaFftForwardPlane(e->fft, Plane(e, e->b, k)));
  PetscCall(Precondition(cell, e, rho));
  PetscFunctionReturn(0);
}

// Pass A.
static PetscErrorCode Update(Elliptic *e, double alpha)
{
  const SnaFftLayout *l = e->layout;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < l->nz; k++) {
    for (PetscInt j = 0; j < l->points[1] * e->ncomp; j++) {
      const size_t at    = (size_t)k * (size_t)l->plane + (size_t)(j * l->row);
      double *restrict b = e->b + at, *restrict r = e->r + at, *restrict u = e->u + at;
      const double *restrict p = e->p + at;
      for (PetscInt x = 0; x < l->points[0]; x++) {
        u[x] += alpha * p[x];
        r[x] -= alpha * b[x];
        b[x] = r[x];
      }
    }
    PetscCall(SnaFftForwardPlane(e->fft, Plane(e, e->b, k)));
  }
  PetscFunctionReturn(0);
}

// Largest energy that the load could store: that of the stiffest phase everywhere. What is below its round-off is zero.
static double EnergyScale(const Elliptic *e, const double load[])
{
  double square = 0, stiffest = 0;

  for (PetscInt i = 0; i < e->nload; i++) square += load[i] * load[i];
  for (int v = 0; v < 256; v++)
    if (!e->empty[v])
      stiffest = PetscMax(stiffest, PetscAbsReal(e->lame[0][v]) + (e->ncomp == 3 ? 2 * e->lame[1][v] : 0));
  return square * stiffest * (double)e->n[0] * (double)e->n[1] * (double)e->n[2] * (e->octant ? 8 : 1);
}

static PetscErrorCode Solve(SnaCell cell, const double load[], SnaHomogMonitor monitor, void *ctx, SnaCellLoad *result)
{
  Elliptic      *e      = (Elliptic *)cell->data;
  const double   rtol   = cell->spec->rtol[cell->physics];
  const PetscInt max_it = cell->spec->max_it;
  const double   cells  = (e->octant ? 8.0 : 1.0) * (double)e->n[0] * (double)e->n[1] * (double)e->n[2] * e->volume;
  double         rho, rho0, pq, beta = 0, history[DELAY] = {0}, past[DELAY] = {0}, work = 0;
  PetscInt       parity, it = 0, counted = 0, fresh = 0, nload = 0;
  PetscBool      stop = PETSC_FALSE, exact = PETSC_TRUE; // exact: the residual at hand was computed from u
  PetscLogDouble start, now;
  size_t         length;

  PetscFunctionBeginUser;
  PetscCall(FindParity(cell, e, load, &parity));
  PetscCall(SetParity(cell, e, parity));
  length = (size_t)e->layout->nz * (size_t)e->layout->plane;
  for (PetscInt i = 0; i < e->nload; i++) {
    e->load[i] = load[i];
    if (load[i] != 0) nload++;
  }
  e->last = -1;
  for (PetscInt i = 0; i < e->nload; i++)
    if (nload == 1 && load[i] == 1) e->last = i;
  PetscCall(PetscTime(&start));
  PetscCall(PetscArrayzero(e->u, length));
  PetscCall(PetscArrayzero(e->p, length));
  PetscCall(PreconditionTrueResidual(cell, e, &rho));
  rho0             = rho;
  result->residual = 1;
  if (rho0 <= 1e-26 * EnergyScale(e, load)) rho = 0; // a uniform cell, or nothing that carries
  while (rho > 0) {
    result->residual = PetscSqrtReal(rho / rho0);
    PetscCall(SnaCellReport_Private(cell, load, it, result->residual, rtol, monitor, ctx, &stop));
    if (stop || (exact && result->residual <= rtol) || it >= max_it) break;
    if (!exact && (result->residual <= rtol || fresh == REPLACE_EVERY)) {
      const double before = rho;
      PetscCall(PreconditionTrueResidual(cell, e, &rho));
      exact = PETSC_TRUE;
      fresh = 0;
      if (rho <= rtol * rtol * rho0) {
        result->residual = PetscSqrtReal(rho / rho0);
        break;
      }
      if (rho > 1.1 * before) beta = 0; // round-off had carried it away: start again from here
    }
    PetscCall(Direction(cell, e, beta, &pq));
    if (!(pq > 0)) { // no energy left to gain
      result->breakdown = PETSC_TRUE;
      break;
    }
    const double alpha = rho / pq, last = rho;
    history[counted % DELAY] = alpha * rho;
    past[counted++ % DELAY]  = rho;
    PetscCall(Update(e, alpha));
    PetscCall(Precondition(cell, e, &rho));
    beta  = rho / last;
    exact = PETSC_FALSE;
    it++;
    fresh++;
  }
  if (rho == 0) result->residual = 0;
  if (!exact) PetscCall(TrueResidual(cell, e));
  PetscCall(PetscTime(&now));
  result->seconds    = now - start;
  result->iterations = it;
  result->stopped    = stop;
  result->converged  = (PetscBool)(result->residual <= rtol);
  PetscCall(PetscArraycpy(result->mean, e->mean, 6));
  for (PetscInt i = 0; i < e->nload; i++) work += load[i] * e->mean[i];
  if (counted >= DELAY && work > 0) {
    // the last DELAY decrements are nearly all of the error that was left before them; it has since fallen as r.M r has
    double sum = 0;
    for (int i = 0; i < DELAY; i++) sum += history[i];
    result->error = sum * (rho / past[counted % DELAY]) / (work * cells);
  } else if (rho > 0)
    result->error = rho / rho0;
  PetscFunctionReturn(0);
}

static PetscErrorCode Destroy(SnaCell cell)
{
  Elliptic *e = (Elliptic *)cell->data;

  PetscFunctionBeginUser;
  PetscCall(SnaFftDestroy(&e->fft));
  PetscCall(SnaFftFree(&e->u));
  PetscCall(SnaFftFree(&e->r));
  PetscCall(SnaFftFree(&e->p));
  PetscCall(SnaFftFree(&e->b));
  PetscCall(SnaFftFree(&e->ghost));
  PetscCall(SnaFftFree(&e->scratch));
  for (int i = 0; i < 6; i++) PetscCall(PetscFree(e->kept[i]));
  for (int a = 0; a < 3; a++) PetscCall(PetscFree(e->symbol[a]));
  PetscCall(PetscFree(e));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCellCreate_Elliptic(SnaCell cell)
{
  Elliptic       *e;
  const PetscBool elastic = (PetscBool)(cell->physics == SNA_ELASTICITY);

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&e));
  cell->data        = e;
  cell->ops.solve   = Solve;
  cell->ops.keep    = SnaEllipticKeep;
  cell->ops.cross   = SnaEllipticCross;
  cell->ops.field   = SnaEllipticField;
  cell->ops.destroy = Destroy;
  cell->nfield      = 4;
  cell->field       = elastic ? SnaElasticFields : SnaConductFields;
  e->ncomp          = elastic ? 3 : 1;
  e->nload          = elastic ? 6 : 3;
  e->layer          = elastic ? SnaElasticLayer : SnaConductLayer;
  e->kernel         = elastic ? SnaElasticKernel : SnaConductKernel;
  e->octant         = cell->octant;
  e->parity         = -1;
  e->last           = -1;
  for (int a = 0; a < 3; a++) {
    e->n[a] = cell->voxels->n[a];
    e->h[a] = cell->voxels->h[a];
  }
  e->volume = e->h[0] * e->h[1] * e->h[2];
  PetscCall(SetMaterials(cell, e));
  PetscCall(SetParity(cell, e, 0));
  PetscCall(SnaFftMalloc(e->fft, e->layout->nz + 1, &e->u)); // the ghost plane serves the residual from u
  PetscCall(SnaFftMalloc(e->fft, e->layout->nz, &e->r));
  PetscCall(SnaFftMalloc(e->fft, e->layout->nz + 1, &e->p));
  PetscCall(SnaFftMalloc(e->fft, e->layout->nz + 1, &e->b));
  PetscCall(SnaFftMalloc(e->fft, 1, &e->ghost));
  PetscCall(SnaFftMalloc(e->fft, 1 + 48 / (e->layout->points[1] * e->ncomp), &e->scratch));
  PetscFunctionReturn(0);
}

double SnaCellMemory_Elliptic(const PetscInt n[3], PetscBool octant, PetscInt ncomp, PetscMPIInt size, PetscInt kept)
{
  const double extra = octant ? 1 : 0,
               row   = 8 * ceil((octant ? (double)n[0] + 1 : 2 * floor((double)n[0] / 2) + 2) / 8);
  const double plane = ((double)n[1] + extra) * (double)ncomp * row, planes = ceil(((double)n[2] + extra) / size);

  return sizeof(double) * plane * (4 * planes + 5) + SnaFftMemory(n, ncomp, octant, size) +
         (double)kept * sizeof(float) * planes * ((double)n[1] + extra) * (double)ncomp * ((double)n[0] + extra);
}
