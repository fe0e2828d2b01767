// fft.c - the distributed transform of sna/fft.h: planes by FFTW (or cosine and sine transforms), lines across the slabs a few at a time.
//
// The usual slab transform transposes the whole field, transforms, and transposes it back: four passes over memory and one more copy of the field. Here
// the lines along z of one ky are brought together (rank r takes the r-th share of the ky), transformed, given to the kernel, transformed back and
// returned while they are in the cache; the exchange of the next ky runs meanwhile.
//
// See: M. Frigo, S. Johnson, The design and implementation of FFTW3, Proc. IEEE 93 (2005) 216. FFTW's own MPI layer does the transposing kind; the
// benchmark tests/bench/bench_fft.c compares the two.
#include "dct.h"
#include <fftw3.h>
#include <stdlib.h>
#include <sys/mman.h>

struct SnaFft_ {
  MPI_Comm     comm;
  PetscMPIInt  size, rank;
  SnaFftLayout layout;
  SnaFftKind (*kind)[3]; // NULL: periodic
  double      *theta[3], *weight[3];
  PetscInt    *y_first, *y_count, *z_first, *z_count; // [size] shares of the ky, of the planes
  size_t       line;                                  // doubles of all components of one (y, z): ncomp*row
  double      *block[2];                              // lines of one ky, two in flight
  fftw_plan    x_forward, x_backward, y_forward, y_backward, z_forward, z_backward;
  SnaDct       dct[3];
  MPI_Datatype column; // one line of every local plane
  MPI_Request *back, *forth;
  MPI_Status  *status;
};

const SnaOption SnaFftOptions[] = {
  {"fft_effort", SNA_OPT_CHOICE, "measure", 0, 0, "estimate|measure|patient",
    "How long FFTW looks for the fastest transform: not at all, some tenths of a second, some seconds."},
  {"fft_wisdom", SNA_OPT_STRING, "", 0, 0, "file", "Plans of earlier runs: read if it is there, then renewed."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

PetscErrorCode SnaFftTuningFromOptions(SnaDeck deck, SnaFftTuning *tuning)
{
  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetString(deck, "fft_effort", NULL, &tuning->effort));
  PetscCall(SnaDeckGetString(deck, "fft_wisdom", NULL, &tuning->wisdom));
  PetscFunctionReturn(0);
}

static PetscInt RowLength(PetscInt n, PetscBool mirror)
{
  const PetscInt modes = mirror ? n + 1 : 2 * (n / 2 + 1);
  return (modes + 7) / 8 * 8; // a line of components begins on a cache line
}

// Wave numbers and weights of Parseval's sum for one axis; `pairs`: real and imaginary parts beside each other.
static PetscErrorCode SetUpAxis(
  PetscInt n, PetscBool mirror, PetscBool pairs, PetscInt length, double **theta, double **weight)
{
  PetscFunctionBeginUser;
  PetscCall(PetscCalloc2((size_t)length, theta, (size_t)length, weight));
  if (mirror)
    for (PetscInt k = 0; k <= n; k++) {
      (*theta)[k]  = PETSC_PI * (double)k / (double)n;
      (*weight)[k] = k == 0 || k == n ? 1 : 2;
    }
  else if (pairs)
    for (PetscInt s = 0; s < 2 * (n / 2 + 1); s++) {
      (*theta)[s]  = 2 * PETSC_PI * (double)(s / 2) / (double)n;
      (*weight)[s] = s / 2 == 0 || 2 * (s / 2) == n ? 1 : 2;
    }
  else
    for (PetscInt k = 0; k < n; k++) {
      (*theta)[k]  = 2 * PETSC_PI * (double)(2 * k > n ? k - n : k) / (double)n;
      (*weight)[k] = 1;
    }
  PetscFunctionReturn(0);
}

static PetscErrorCode PlanPeriodic(SnaFft fft, unsigned effort)
{
  const SnaFftLayout *l  = &fft->layout;
  const int           nx = (int)l->n[0], ny = (int)l->n[1], nz = (int)l->n[2], row = (int)l->row, half = row / 2;
  const int           line = (int)fft->line / 2, rows = (int)(l->points[1] * l->ncomp);
  double             *plane;
  fftw_complex       *c, *b = (fftw_complex *)fft->block[0];

  PetscFunctionBeginUser;
  PetscCall(SnaFftMalloc(fft, 1, &plane));
  c               = (fftw_complex *)plane;
  fft->x_forward  = fftw_plan_many_dft_r2c(1, &nx, rows, plane, NULL, 1, row, c, NULL, 1, half, effort);
  fft->x_backward = fftw_plan_many_dft_c2r(1, &nx, rows, c, NULL, 1, half, plane, NULL, 1, row, effort);
  // the few complex numbers of padding in each row are zero and come along: one loop instead of two
  fft->y_forward  = fftw_plan_many_dft(1, &ny, line, c, NULL, line, 1, c, NULL, line, 1, FFTW_FORWARD, effort);
  fft->y_backward = fftw_plan_many_dft(1, &ny, line, c, NULL, line, 1, c, NULL, line, 1, FFTW_BACKWARD, effort);
  fft->z_forward  = fftw_plan_many_dft(1, &nz, line, b, NULL, line, 1, b, NULL, line, 1, FFTW_FORWARD, effort);
  fft->z_backward = fftw_plan_many_dft(1, &nz, line, b, NULL, line, 1, b, NULL, line, 1, FFTW_BACKWARD, effort);
  PetscCheck(
    fft->x_forward && fft->x_backward && fft->y_forward && fft->y_backward && fft->z_forward && fft->z_backward,
    PETSC_COMM_SELF, PETSC_ERR_LIB, "FFTW gave no plan for %d x %d x %d", nx, ny, nz);
  PetscCall(SnaFftFree(&plane));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFftCreate(MPI_Comm comm, const PetscInt n[3], PetscInt ncomp, const SnaFftKind kind[][3],
  const SnaFftTuning *tuning, SnaFft *fft)
{
  SnaFft        f;
  SnaFftLayout *l;
  unsigned      effort = FFTW_MEASURE;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&f));
  f->comm = comm;
  l       = &f->layout;
  PetscCallMPI(MPI_Comm_size(comm, &f->size));
  PetscCallMPI(MPI_Comm_rank(comm, &f->rank));
  PetscCheck((double)n[1] * (double)ncomp * (double)RowLength(n[0], (PetscBool)(kind != NULL)) < 2147483647., comm,
    PETSC_ERR_ARG_SIZ, "planes of %" PetscInt_FMT " x %" PetscInt_FMT " are too large for one message of MPI", n[0],
    n[1]);
  PetscCheck(f->size <= n[2], comm, PETSC_ERR_ARG_SIZ, "%d ranks for %" PetscInt_FMT " planes", f->size, n[2]);
  if (tuning && tuning->effort)
    effort = tuning->effort[0] == 'e' ? FFTW_ESTIMATE : tuning->effort[0] == 'p' ? FFTW_PATIENT : FFTW_MEASURE;
  if (tuning && tuning->wisdom) fftw_import_wisdom_from_filename(tuning->wisdom);
  l->mirror = (PetscBool)(kind != NULL);
  l->ncomp  = ncomp;
  l->scale  = 1;
  for (int a = 0; a < 3; a++) {
    l->n[a]      = n[a];
    l->points[a] = n[a] + (l->mirror ? 1 : 0);
    l->modes[a]  = a > 0 || l->mirror ? l->points[a] : 2 * (n[a] / 2 + 1);
    l->scale /= (double)n[a] * (l->mirror ? 2 : 1);
  }
  l->row   = RowLength(n[0], l->mirror);
  f->line  = (size_t)(ncomp * l->row);
  l->plane = l->points[1] * ncomp * l->row;
  PetscCall(PetscMalloc4((size_t)f->size, &f->y_first, (size_t)f->size, &f->y_count, (size_t)f->size, &f->z_first,
    (size_t)f->size, &f->z_count));
  PetscCall(
    PetscMalloc3((size_t)f->size * 2, &f->forth, (size_t)f->size * 2, &f->back, (size_t)f->size * 2, &f->status));
  for (PetscMPIInt r = 0; r < f->size; r++) {
    SnaSplit(l->points[1], f->size, r, f->y_first + r, f->y_count + r);
    SnaSplit(n[2], f->size, r, f->z_first + r, f->z_count + r);
  }
  f->z_count[f->size - 1] += l->points[2] - n[2];
  l->z0 = f->z_first[f->rank];
  l->nz = f->z_count[f->rank];
  for (int a = 0; a < 3; a++) {
    PetscCall(
      SetUpAxis(n[a], l->mirror, (PetscBool)(a == 0), a == 0 ? l->row : l->points[a], &f->theta[a], &f->weight[a]));
    l->theta[a]  = f->theta[a];
    l->weight[a] = f->weight[a];
  }
  for (int b = 0; b < (f->size > 1 ? 2 : 1); b++)
    PetscCall(SnaFftMalloc(NULL, l->points[2] * (PetscInt)f->line, &f->block[b]));
  PetscCallMPI(MPI_Type_vector((int)l->nz, (int)f->line, (int)l->plane, MPI_DOUBLE, &f->column));
  PetscCallMPI(MPI_Type_commit(&f->column));
  if (l->mirror) {
    PetscCall(PetscMalloc1((size_t)ncomp, &f->kind));
    PetscCall(PetscArraycpy(f->kind, kind, (size_t)ncomp));
    for (int a = 0; a < 3; a++) PetscCall(SnaDctCreate(n[a], effort, &f->dct[a]));
  } else
    PetscCall(PlanPeriodic(f, effort));
  if (tuning && tuning->wisdom && f->rank == 0) fftw_export_wisdom_to_filename(tuning->wisdom);
  *fft = f;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFftDestroy(SnaFft *fft)
{
  SnaFft f = *fft;

  PetscFunctionBeginUser;
  if (!f) PetscFunctionReturn(0);
  if (!f->layout.mirror) {
    fftw_destroy_plan(f->x_forward);
    fftw_destroy_plan(f->x_backward);
    fftw_destroy_plan(f->y_forward);
    fftw_destroy_plan(f->y_backward);
    fftw_destroy_plan(f->z_forward);
    fftw_destroy_plan(f->z_backward);
  }
  for (int a = 0; a < 3; a++) {
    if (f->dct[a]) PetscCall(SnaDctDestroy(&f->dct[a]));
    PetscCall(PetscFree2(f->theta[a], f->weight[a]));
  }
  for (int b = 0; b < 2; b++) PetscCall(SnaFftFree(&f->block[b]));
  PetscCallMPI(MPI_Type_free(&f->column));
  PetscCall(PetscFree4(f->y_first, f->y_count, f->z_first, f->z_count));
  PetscCall(PetscFree3(f->forth, f->back, f->status));
  PetscCall(PetscFree(f->kind));
  PetscCall(PetscFree(*fft));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFftGetLayout(SnaFft fft, const SnaFftLayout **layout)
{
  PetscFunctionBeginUser;
  *layout = &fft->layout;
  PetscFunctionReturn(0);
}

// fft NULL: `nplane` doubles, for this file. Vectors may read on behind the last line.
PetscErrorCode SnaFftMalloc(SnaFft fft, PetscInt nplane, double **data)
{
  const size_t huge = 2097152, bytes = (size_t)nplane * (fft ? (size_t)fft->layout.plane : 1) * sizeof(double) + 64;
  void        *p = NULL;

  PetscFunctionBeginUser;
  PetscCheck(!posix_memalign(&p, bytes > 2 * huge ? huge : 64, bytes), PETSC_COMM_SELF, PETSC_ERR_MEM,
    "no memory for %zu bytes", bytes);
  // lines along z touch a page per plane: large pages spare the address translation
  if (bytes > 2 * huge) (void)madvise(p, bytes, MADV_HUGEPAGE);
  PetscCall(PetscMemzero(p, bytes));
  *data = (double *)p;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFftFree(double **data)
{
  PetscFunctionBeginUser;
  free(*data);
  *data = NULL;
  PetscFunctionReturn(0);
}

double SnaFftMemory(const PetscInt n[3], PetscInt ncomp, PetscBool mirror, PetscMPIInt size)
{
  return (size > 1 ? 2.0 : 1.0) * (double)(n[2] + (mirror ? 1 : 0)) * (double)(ncomp * RowLength(n[0], mirror)) *
         sizeof(double);
}

// Kinds of all components of one plane or block along axis a: `lines` beside each other per component.
static PetscErrorCode Mirror(SnaFft fft, int a, PetscBool backward, double *data)
{
  const SnaFftLayout *l = &fft->layout;

  PetscFunctionBeginUser;
  for (PetscInt c = 0; c < l->ncomp; c++) {
    if (a == 0)
      PetscCall(
        SnaDctRows(fft->dct[0], fft->kind[c][0], backward, l->points[1], (PetscInt)fft->line, data + c * l->row));
    else
      PetscCall(
        SnaDctLines(fft->dct[a], fft->kind[c][a], backward, l->points[0], (PetscInt)fft->line, data + c * l->row));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFftForwardPlane(SnaFft fft, double *plane)
{
  PetscFunctionBeginUser;
  if (fft->layout.mirror) {
    PetscCall(Mirror(fft, 0, PETSC_FALSE, plane));
    PetscCall(Mirror(fft, 1, PETSC_FALSE, plane));
  } else {
    fftw_execute_dft_r2c(fft->x_forward, plane, (fftw_complex *)plane);
    fftw_execute_dft(fft->y_forward, (fftw_complex *)plane, (fftw_complex *)plane);
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFftBackwardPlane(SnaFft fft, double *plane)
{
  PetscFunctionBeginUser;
  if (fft->layout.mirror) {
    PetscCall(Mirror(fft, 1, PETSC_TRUE, plane));
    PetscCall(Mirror(fft, 0, PETSC_TRUE, plane));
  } else {
    fftw_execute_dft(fft->y_backward, (fftw_complex *)plane, (fftw_complex *)plane);
    fftw_execute_dft_c2r(fft->x_backward, (fftw_complex *)plane, plane);
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode TransformBlock(SnaFft fft, PetscInt ky, SnaFftKernel kernel, void *ctx, double *block)
{
  PetscFunctionBeginUser;
  if (fft->layout.mirror) {
    PetscCall(Mirror(fft, 2, PETSC_FALSE, block));
    kernel(ctx, ky, block);
    PetscCall(Mirror(fft, 2, PETSC_TRUE, block));
  } else {
    fftw_execute_dft(fft->z_forward, (fftw_complex *)block, (fftw_complex *)block);
    kernel(ctx, ky, block);
    fftw_execute_dft(fft->z_backward, (fftw_complex *)block, (fftw_complex *)block);
  }
  PetscFunctionReturn(0);
}

// The lines of step b: every rank r gets those of its b-th ky. Receives first, so that nothing waits in a buffer of MPI.
static PetscErrorCode StartExchange(SnaFft fft, PetscInt b, double *data, double *block, MPI_Request request[])
{
  PetscFunctionBeginUser;
  for (PetscMPIInt r = 0; r < fft->size; r++) {
    request[2 * r] = request[2 * r + 1] = MPI_REQUEST_NULL;
    if (r == fft->rank) continue;
    if (b < fft->y_count[fft->rank])
      PetscCallMPI(MPI_Irecv(block + (size_t)fft->z_first[r] * fft->line, (int)((size_t)fft->z_count[r] * fft->line),
        MPI_DOUBLE, r, (int)(2 * b), fft->comm, &request[2 * r]));
    if (b < fft->y_count[r])
      PetscCallMPI(MPI_Isend(data + (size_t)(fft->y_first[r] + b) * fft->line, 1, fft->column, r, (int)(2 * b),
        fft->comm, &request[2 * r + 1]));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode StartReturn(SnaFft fft, PetscInt b, double *data, double *block, MPI_Request request[])
{
  PetscFunctionBeginUser;
  for (PetscMPIInt r = 0; r < fft->size; r++) {
    request[2 * r] = request[2 * r + 1] = MPI_REQUEST_NULL;
    if (r == fft->rank) continue;
    if (b < fft->y_count[r])
      PetscCallMPI(MPI_Irecv(data + (size_t)(fft->y_first[r] + b) * fft->line, 1, fft->column, r, (int)(2 * b + 1),
        fft->comm, &request[2 * r]));
    if (b < fft->y_count[fft->rank])
      PetscCallMPI(MPI_Isend(block + (size_t)fft->z_first[r] * fft->line, (int)((size_t)fft->z_count[r] * fft->line),
        MPI_DOUBLE, r, (int)(2 * b + 1), fft->comm, &request[2 * r + 1]));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode CopyOwn(SnaFft fft, PetscInt ky, double *data, double *block, PetscBool back)
{
  const SnaFftLayout *l = &fft->layout;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < l->nz; k++) {
    double *d = data + (size_t)k * (size_t)l->plane + (size_t)ky * fft->line,
           *b = block + (size_t)(l->z0 + k) * fft->line;
    PetscCall(PetscArraycpy(back ? d : b, back ? b : d, fft->line));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFftSpectrum(SnaFft fft, double *data, SnaFftKernel kernel, void *ctx)
{
  const PetscInt first = fft->y_first[fft->rank], count = fft->y_count[fft->rank];
  const PetscInt steps    = fft->y_count[0]; // the largest share
  const int      nrequest = 2 * fft->size;

  PetscFunctionBeginUser;
  for (int i = 0; i < nrequest; i++) fft->back[i] = MPI_REQUEST_NULL;
  PetscCall(StartExchange(fft, 0, data, fft->block[0], fft->forth));
  for (PetscInt b = 0; b < steps; b++) {
    double *block = fft->block[fft->size > 1 ? b % 2 : 0];
    PetscCallMPI(MPI_Waitall(nrequest, fft->forth, fft->status));
    PetscCallMPI(MPI_Waitall(nrequest, fft->back, fft->status)); // of step b-1, whose block is next
    if (b + 1 < steps)
      PetscCall(StartExchange(fft, b + 1, data, fft->block[fft->size > 1 ? (b + 1) % 2 : 0], fft->forth));
    if (b < count) {
      PetscCall(CopyOwn(fft, first + b, data, block, PETSC_FALSE));
      PetscCall(TransformBlock(fft, first + b, kernel, ctx, block));
      PetscCall(CopyOwn(fft, first + b, data, block, PETSC_TRUE));
    }
    PetscCall(StartReturn(fft, b, data, block, fft->back));
  }
  PetscCallMPI(MPI_Waitall(nrequest, fft->back, fft->status));
  PetscFunctionReturn(0);
}
