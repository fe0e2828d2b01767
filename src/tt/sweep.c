// sweep.c - half sweeps along the train.
//
//   growth   at every site a solve in all functions of the level's splines, whose singular vectors become the modes; then, with the next site, a two-site
//            solve in the modes, whose singular vectors become the bond (two-site DMRG on every edge of the extended train)
//   polish   at every site the core by PCG and the leaf by the block-band Cholesky; ranks stay
//
// Growth happens where splines are few; both keep the train orthonormal with the centre at the site being solved.
#include "als_state.h"
#include "tt_impl.h"

// Cuts keep so many singular vectors while the train grows, whatever their singular values: a cut of rank 1 far from the directions that it would be coupled to
// shows no gain in any two-site problem, and would stay one. Rounding takes what was not needed.
#define LEAST_RANK 3

// ---------------------------------------------------------------------------------------------------------------------
// Tables and environments
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode SnaTtAlsLocal(SnaTtAls als, PetscInt k, PetscInt nsite, PetscBool full, SnaTtLocal *l)
{
  SnaTt tt = als->tt;

  PetscFunctionBeginUser;
  l->k         = k;
  l->nsite     = nsite;
  l->r         = tt->r[k];
  l->q         = tt->r[k + nsite];
  l->m[0]      = full ? tt->n[k] : tt->m[k];
  l->m[1]      = nsite == 2 ? tt->m[k + 1] : 1;
  l->tables[0] = full ? &als->full[k] : &als->site[k];
  l->tables[1] = nsite == 2 ? &als->site[k + 1] : NULL;
  l->E         = als->E[k];
  l->hE        = als->hE[k];
  l->F         = als->F[k + nsite];
  l->hF        = als->hF[k + nsite];
  PetscFunctionReturn(0);
}

static PetscErrorCode NewEnvironment(SnaTtAls als, PetscInt cut, PetscInt r, double **A, double **h)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree(*A));
  PetscCall(PetscFree(*h));
  PetscCall(PetscMalloc1((size_t)als->op->A.nstate[cut] * (size_t)(r * r), A));
  PetscCall(PetscMalloc1((size_t)als->op->b.nstate[cut] * (size_t)r, h));
  PetscFunctionReturn(0);
}

// Cut k+1 from the left, or cut k from the right.
static PetscErrorCode UpdateEnvironment(SnaTtAls als, PetscInt k, PetscBool right)
{
  SnaTtLocal     l;
  const PetscInt cut = right ? k + 1 : k;

  PetscFunctionBeginUser;
  PetscCall(SnaTtAlsLocal(als, k, 1, PETSC_FALSE, &l));
  PetscCall(NewEnvironment(
    als, cut, als->tt->r[cut], right ? &als->E[cut] : &als->F[cut], right ? &als->hE[cut] : &als->hF[cut]));
  PetscCall(SnaTtEnvironment(als->local, als->op, &l, als->tt->core[k], right, right ? als->E[cut] : als->F[cut],
    right ? als->hE[cut] : als->hF[cut]));
  PetscFunctionReturn(0);
}

// basis = L^-T with M = L L^T: orthonormal functions that span the splines of direction d.
static PetscErrorCode FullBasis(SnaTtSpace space, PetscInt d, double **basis)
{
  const PetscInt n = space->info[d].n, p = space->info[d].band;
  PetscBLASInt   bn  = (PetscBLASInt)n, info;
  const double   one = 1;
  double        *S;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1((size_t)n * (size_t)n, &S));
  PetscCall(PetscCalloc1((size_t)n * (size_t)n, basis));
  for (PetscInt i = 0; i < n; i++) {
    (*basis)[i * (n + 1)] = 1;
    for (PetscInt j = PetscMax(0, i - p); j <= PetscMin(n - 1, i + p); j++)
      S[i + n * j] = space->mass[d][i * (2 * p + 1) + (j - i + p)];
  }
  PetscCallBLAS("LAPACKpotrf", LAPACKpotrf_("L", &bn, S, &bn, &info));
  PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK potrf of a mass matrix: %d", (int)info);
  // Row-major L^-T is column-major L^-1.
  PetscCallBLAS("BLAStrsm", BLAStrsm_("L", "L", "N", "N", &bn, &bn, &one, S, &bn, *basis, &bn));
  PetscCall(PetscFree(S));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtAlsRelease(SnaTtAls als)
{
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k <= als->nd; k++) {
    PetscCall(PetscFree(als->E[k]));
    PetscCall(PetscFree(als->F[k]));
    PetscCall(PetscFree(als->hE[k]));
    PetscCall(PetscFree(als->hF[k]));
  }
  for (PetscInt k = 0; k < als->nd; k++) {
    PetscCall(PetscFree(als->basis[k]));
    PetscCall(SnaTtTablesDestroy(&als->site[k]));
    PetscCall(SnaTtTablesDestroy(&als->full[k]));
    PetscCall(SnaKronDestroy(&als->kron[k]));
  }
  als->ready = PETSC_FALSE;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtAlsPrepare(SnaTtAls als, PetscBool full)
{
  SnaTt          tt = als->tt;
  const PetscInt c  = als->state.centre;

  PetscFunctionBeginUser;
  PetscCall(SnaTtAlsRelease(als));
  for (PetscInt k = 0; k < als->nd; k++) {
    PetscCall(SnaTtTablesProject(als->level->lsq, als->op, k, tt->m[k], tt->leaf[k], &als->site[k]));
    if (!full) continue;
    PetscCall(FullBasis(als->space, tt->dir[k], &als->basis[k]));
    PetscCall(SnaTtTablesProject(als->level->lsq, als->op, k, tt->n[k], als->basis[k], &als->full[k]));
  }
  PetscCall(NewEnvironment(als, 0, 1, &als->E[0], &als->hE[0]));
  PetscCall(NewEnvironment(als, als->nd, 1, &als->F[als->nd], &als->hF[als->nd]));
  als->E[0][0] = als->hE[0][0] = als->F[als->nd][0] = als->hF[als->nd][0] = 1;
  for (PetscInt k = 0; k < c; k++) PetscCall(UpdateEnvironment(als, k, PETSC_TRUE));
  for (PetscInt k = als->nd - 1; k > c; k--) PetscCall(UpdateEnvironment(als, k, PETSC_FALSE));
  als->ready = PETSC_TRUE;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Splitting
// ---------------------------------------------------------------------------------------------------------------------
// Smallest rank whose discarded squares sum to at most tol^2; s2: n squares of singular values, descending; rest: what they leave out.
static PetscInt RankAt(PetscInt n, const double *s2, double rest, double tol)
{
  PetscInt rank = n;

  while (rank > 1 && rest + s2[rank - 1] <= tol * tol) rest += s2[--rank];
  return rank;
}

// A (rows x cols, column-major) ~ U B, U orthonormal columns: the leading left singular vectors, B = U^T A. The range is found by a random projection on `cap` + 10 vectors where
// that is smaller than A (Halko, Martinsson, Tropp, SIAM Rev. 53 (2011) 217). U and B are allocated.
static PetscErrorCode Split(SnaTtAls als, PetscInt rows, PetscInt cols, const double *A, PetscInt least, PetscInt cap,
  double tol, const double reference[2], PetscInt *rank, PetscInt recorded[2], double *discarded, double **U,
  double **B)
{
  const PetscInt p      = PetscMin(cap + 10, PetscMin(rows, cols));
  PetscBool      random = (PetscBool)(2 * p < PetscMin(rows, cols));
  PetscInt       k      = random ? p : PetscMin(rows, cols), lw;
  PetscBLASInt   br = (PetscBLASInt)rows, bk = (PetscBLASInt)k, bc = (PetscBLASInt)cols, lwork, info;
  double        *Q, *S, *W, *work, *tau, *T, *s2, total = 0;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < rows * cols; i++) total += A[i] * A[i];
  lw    = 64 * PetscMax(k, cols) + 3 * k;
  lwork = (PetscBLASInt)lw;
  PetscCall(PetscMalloc6((size_t)rows * (size_t)PetscMax(k, random ? 0 : cols), &Q, (size_t)k * (size_t)k, &S,
    (size_t)k * (size_t)cols, &T, k, &s2, lw, &work, PetscMax(k, cols), &tau));
  if (random) {
    PetscCall(PetscMalloc1((size_t)cols * (size_t)k, &W));
    for (PetscInt i = 0; i < cols * k; i++) W[i] = SnaRandomNormal(als->options.seed, 7, (uint64_t)i);
    PetscCall(SnaTtGemm_Private("N", "N", rows, k, cols, A, rows, W, cols, 0, Q, rows));
    PetscCall(PetscFree(W));
    PetscCallBLAS("LAPACKgeqrf", LAPACKgeqrf_(&br, &bk, Q, &br, tau, work, &lwork, &info));
    PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK geqrf: %d", (int)info);
    PetscCallBLAS("LAPACKorgqr", LAPACKorgqr_(&br, &bk, &bk, Q, &br, tau, work, &lwork, &info));
    PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK orgqr: %d", (int)info);
  } else if (rows > cols) {
    PetscCall(PetscArraycpy(Q, A, (size_t)rows * (size_t)cols));
    PetscCallBLAS("LAPACKgeqrf", LAPACKgeqrf_(&br, &bc, Q, &br, tau, work, &lwork, &info));
    PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK geqrf: %d", (int)info);
    PetscCallBLAS("LAPACKorgqr", LAPACKorgqr_(&br, &bc, &bc, Q, &br, tau, work, &lwork, &info));
    PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK orgqr: %d", (int)info);
  } else { // the whole range
    PetscCall(PetscArrayzero(Q, (size_t)rows * (size_t)rows));
    for (PetscInt i = 0; i < rows; i++) Q[i * (rows + 1)] = 1;
  }
  PetscCall(SnaTtGemm_Private("T", "N", k, cols, rows, Q, rows, A, rows, 0, T, k));
  PetscCall(SnaTtGemm_Private("N", "T", k, k, cols, T, k, T, k, 0, S, k));
  PetscCallBLAS("LAPACKsyev", LAPACKsyev_("V", "U", &bk, S, &bk, s2, work, &lwork, &info));
  PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK syev: %d", (int)info);
  for (PetscInt i = 0; i < k / 2; i++) { // descending
    const double s = s2[i];
    s2[i]          = s2[k - 1 - i];
    s2[k - 1 - i]  = s;
    for (PetscInt j = 0; j < k; j++) {
      const double v         = S[j + k * i];
      S[j + k * i]           = S[j + k * (k - 1 - i)];
      S[j + k * (k - 1 - i)] = v;
    }
  }
  {
    double kept = 0, rest;

    for (PetscInt i = 0; i < k; i++) {
      s2[i] = PetscMax(0, s2[i]);
      kept += s2[i];
    }
    rest  = random ? PetscMax(0, total - kept) : 0;
    *rank = PetscMin(cap, PetscMax(RankAt(k, s2, rest, tol), PetscMin(least, k)));
    for (int i = 0; i < 2 && recorded; i++) recorded[i] = RankAt(k, s2, rest, reference[i]);
    for (PetscInt i = *rank; i < k; i++) rest += s2[i];
    if (discarded) *discarded = PetscSqrtReal(rest);
  }
  if (als->size == 2) PetscCallMPI(MPI_Bcast(rank, 1, MPIU_INT, 0, als->comm));
  PetscCall(PetscMalloc1((size_t)rows * (size_t)*rank, U));
  PetscCall(PetscMalloc1((size_t)*rank * (size_t)cols, B));
  PetscCall(SnaTtGemm_Private("N", "N", rows, *rank, k, Q, rows, S, k, 0, *U, rows));
  PetscCall(SnaTtGemm_Private("T", "N", *rank, cols, k, S, k, T, k, 0, *B, *rank));
  PetscCall(PetscFree6(Q, S, T, s2, work, tau));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Growth
// ---------------------------------------------------------------------------------------------------------------------
// Z (r q x n) = core (basis^T M leaf)^T: the core of site k in all functions of the level.
static PetscErrorCode CoreInFullBasis(SnaTtAls als, PetscInt k, double *Z)
{
  SnaTt          tt = als->tt;
  const PetscInt n = tt->n[k], m = tt->m[k], rows = tt->r[k] * tt->r[k + 1], d = tt->dir[k],
                 p = als->space->info[d].band;
  double *ML, *P;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2((size_t)n * (size_t)m, &ML, (size_t)n * (size_t)m, &P));
  PetscCall(PetscArrayzero(ML, (size_t)n * (size_t)m));
  for (PetscInt i = 0; i < n; i++)
    for (PetscInt j = PetscMax(0, i - p); j <= PetscMin(n - 1, i + p); j++)
      for (PetscInt c = 0; c < m; c++)
        ML[i * m + c] += als->space->mass[d][i * (2 * p + 1) + (j - i + p)] * tt->leaf[k][j * m + c];
  PetscCall(SnaTtGemm_Private("N", "T", m, n, n, ML, m, als->basis[k], n, 0, P, m)); // column-major m x n
  PetscCall(SnaTtGemm_Private("N", "N", rows, n, m, tt->core[k], rows, P, m, 0, Z, rows));
  PetscCall(PetscFree2(ML, P));
  PetscFunctionReturn(0);
}

// Site k in all functions of the level: the same function, mode rank n. Its core then is Z (allocated here, or given).
static PetscErrorCode ExpandMode(SnaTtAls als, PetscInt k, double *Z)
{
  SnaTt          tt = als->tt;
  const PetscInt n = tt->n[k], rows = tt->r[k] * tt->r[k + 1];

  PetscFunctionBeginUser;
  if (!Z) {
    PetscCall(PetscMalloc1((size_t)rows * (size_t)n, &Z));
    PetscCall(CoreInFullBasis(als, k, Z));
  }
  PetscCall(PetscFree(tt->core[k]));
  PetscCall(PetscFree(tt->leaf[k]));
  PetscCall(PetscMalloc1((size_t)n * (size_t)n, &tt->leaf[k]));
  PetscCall(PetscArraycpy(tt->leaf[k], als->basis[k], (size_t)n * (size_t)n));
  tt->core[k] = Z;
  tt->m[k]    = n;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtAlsExpandModes(SnaTtAls als)
{
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < als->nd; k++) {
    PetscCall(FullBasis(als->space, als->tt->dir[k], &als->basis[k]));
    PetscCall(ExpandMode(als, k, NULL));
  }
  PetscFunctionReturn(0);
}

// As many modes as the bonds allow, so that neither could ever grow: no mode is left out.
static PetscErrorCode ExpandTiedModes(SnaTtAls als)
{
  SnaTt tt = als->tt;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < als->nd; k++) {
    if (tt->m[k] < PetscMin(tt->n[k], tt->r[k] * tt->r[k + 1]) || tt->m[k] == tt->n[k]) continue;
    PetscCall(ExpandMode(als, k, NULL));
    PetscCall(SnaTtTablesProject(als->level->lsq, als->op, k, tt->m[k], tt->leaf[k], &als->site[k]));
  }
  PetscFunctionReturn(0);
}

// Solves site k in all functions of its level and takes the leading singular vectors as its modes.
static PetscErrorCode GrowModes(SnaTtAls als, const SnaTtGrowth *g, PetscInt k, double *objective, PetscBool *failed)
{
  SnaTt          tt = als->tt;
  const PetscInt n = tt->n[k], rows = tt->r[k] * tt->r[k + 1];
  SnaTtLocal     l;
  double        *Z, *U, *B;
  PetscInt       rank, its;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)rows * (size_t)n, &Z));
  PetscCall(CoreInFullBasis(als, k, Z));
  PetscCall(SnaTtAlsLocal(als, k, 1, PETSC_TRUE, &l));
  PetscCall(SnaTtLocalSolve(als->local, als->op, &l, g->iterations, g->rtol, Z, objective, failed, &its));
  // Z^T ~ U B: U (n x m) are the modes, B^T the core.
  {
    double *Zt;

    PetscCall(PetscMalloc1((size_t)rows * (size_t)n, &Zt));
    for (PetscInt i = 0; i < n; i++)
      for (PetscInt a = 0; a < rows; a++) Zt[i + n * a] = Z[a + rows * i];
    PetscCall(Split(als, n, rows, Zt, 1, PetscMin(n, rows), g->mode_tol, NULL, &rank, NULL, NULL, &U, &B));
    PetscCall(PetscFree(Zt));
  }
  if (rank == rows && rank < n) { // tied
    PetscCall(ExpandMode(als, k, Z));
    PetscCall(SnaTtTablesProject(als->level->lsq, als->op, k, n, tt->leaf[k], &als->site[k]));
    PetscCall(PetscFree(U));
    PetscCall(PetscFree(B));
    PetscFunctionReturn(0);
  }
  PetscCall(PetscFree(tt->core[k]));
  PetscCall(PetscFree(tt->leaf[k]));
  tt->m[k] = rank;
  PetscCall(PetscMalloc1((size_t)rows * (size_t)rank, &tt->core[k]));
  PetscCall(PetscMalloc1((size_t)n * (size_t)rank, &tt->leaf[k]));
  for (PetscInt j = 0; j < rank; j++)
    for (PetscInt a = 0; a < rows; a++) tt->core[k][a + rows * j] = B[j + rank * a];
  // leaf (n x rank, row-major) = basis U; column-major: leaf^T = U^T basis^T.
  PetscCall(SnaTtGemm_Private("T", "N", rank, n, n, U, n, als->basis[k], n, 0, tt->leaf[k], rank));
  PetscCall(SnaTtTablesProject(als->level->lsq, als->op, k, rank, tt->leaf[k], &als->site[k]));
  PetscCall(PetscFree(U));
  PetscCall(PetscFree(B));
  PetscCall(PetscFree(Z));
  PetscFunctionReturn(0);
}

// Solves sites k and k+1 together and splits them; the orthonormal factor stays behind the sweep.
static PetscErrorCode GrowBond(SnaTtAls als, const SnaTtGrowth *g, PetscInt k, PetscBool right, PetscInt recorded[2],
  double *discarded, double *objective, PetscBool *failed)
{
  SnaTt          tt = als->tt;
  const PetscInt r = tt->r[k], c = tt->r[k + 1], q = tt->r[k + 2], m1 = tt->m[k], m2 = tt->m[k + 1], rows = r * m1,
                 cols = q * m2;
  SnaTtLocal l;
  double    *X, *A, *U, *B;
  PetscInt   rank, its;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2((size_t)rows * (size_t)cols, &X, (size_t)rows * (size_t)cols, &A));
  for (PetscInt j2 = 0; j2 < m2; j2++)
    for (PetscInt j1 = 0; j1 < m1; j1++)
      PetscCall(SnaTtGemm_Private("N", "N", r, q, c, tt->core[k] + (size_t)(r * c) * (size_t)j1, r,
        tt->core[k + 1] + (size_t)(c * q) * (size_t)j2, c, 0, X + (size_t)(r * q) * (size_t)(j1 + m1 * j2), r));
  PetscCall(SnaTtAlsLocal(als, k, 2, PETSC_FALSE, &l));
  PetscCall(SnaTtLocalSolve(als->local, als->op, &l, g->iterations, g->rtol, X, objective, failed, &its));
  // A[(a, j1), (b, j2)], or transposed for a sweep to the left
  for (PetscInt j2 = 0; j2 < m2; j2++)
    for (PetscInt j1 = 0; j1 < m1; j1++)
      for (PetscInt b = 0; b < q; b++)
        for (PetscInt a = 0; a < r; a++) {
          const double v = X[a + r * (b + q * (j1 + m1 * j2))];
          if (right)
            A[(a + r * j1) + rows * (b + q * j2)] = v;
          else
            A[(b + q * j2) + cols * (a + r * j1)] = v;
        }
  PetscCall(Split(als, right ? rows : cols, right ? cols : rows, A, LEAST_RANK, g->cap[k + 1], g->bond_tol,
    g->reference, &rank, recorded, discarded, &U, &B));
  tt->r[k + 1] = rank;
  PetscCall(PetscFree(tt->core[k]));
  PetscCall(PetscFree(tt->core[k + 1]));
  PetscCall(PetscMalloc1((size_t)rows * (size_t)rank, &tt->core[k]));
  PetscCall(PetscMalloc1((size_t)rank * (size_t)cols, &tt->core[k + 1]));
  for (PetscInt i = 0; i < rank; i++) {
    for (PetscInt j1 = 0; j1 < m1; j1++)
      for (PetscInt a = 0; a < r; a++)
        tt->core[k][a + r * (i + rank * j1)] = right ? U[(a + r * j1) + rows * i] : B[i + rank * (a + r * j1)];
    for (PetscInt j2 = 0; j2 < m2; j2++)
      for (PetscInt b = 0; b < q; b++)
        tt->core[k + 1][i + rank * (b + q * j2)] = right ? B[i + rank * (b + q * j2)] : U[(b + q * j2) + cols * i];
  }
  PetscCall(PetscFree(U));
  PetscCall(PetscFree(B));
  PetscCall(PetscFree2(X, A));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtAlsGrow(SnaTtAls als, const SnaTtGrowth *g, PetscInt recorded[][2], double discarded[])
{
  const PetscInt  nd    = als->nd;
  const PetscBool right = (PetscBool)(als->state.centre == 0);

  PetscFunctionBeginUser;
  if (g->modes) PetscCall(ExpandTiedModes(als));
  for (PetscInt i = 0; i < nd && !als->state.failed; i++) {
    const PetscInt k         = right ? i : nd - 1 - i;
    PetscBool      failed    = PETSC_FALSE;
    double         objective = 0;

    if (g->modes) PetscCall(GrowModes(als, g, k, i == nd - 1 ? &objective : NULL, &failed));
    if (i < nd - 1 && !failed) {
      const PetscInt left = right ? k : k - 1;

      PetscCall(GrowBond(als, g, left, right, recorded[left + 1], &discarded[left + 1],
        !g->modes && i == nd - 2 ? &objective : NULL, &failed));
      PetscCall(UpdateEnvironment(als, k, right));
    }
    if (failed) als->state.failed = 1 + als->tt->dir[k];
    if (objective != 0) als->state.objective = als->level->lsq->c0 + objective;
  }
  als->state.centre = right ? nd - 1 : 0;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtAlsPolish(SnaTtAls als, PetscInt iterations, double rtol)
{
  const PetscInt  nd    = als->nd;
  const PetscBool right = (PetscBool)(als->state.centre == 0);

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < nd && !als->state.failed; i++) {
    const PetscInt k = right ? i : nd - 1 - i;
    SnaTtLocal     l;
    PetscBool      failed;
    PetscInt       its;

    PetscCall(SnaTtSolveLeaf(als, k, &failed));
    if (!failed) {
      double objective;

      PetscCall(SnaTtAlsLocal(als, k, 1, PETSC_FALSE, &l));
      PetscCall(SnaTtLocalSolve(
        als->local, als->op, &l, iterations, rtol, als->tt->core[k], i == nd - 1 ? &objective : NULL, &failed, &its));
      if (i == nd - 1) als->state.objective = als->level->lsq->c0 + objective;
    }
    if (failed) als->state.failed = 1 + als->tt->dir[k];
    if (i < nd - 1) {
      PetscCall(SnaTtMoveCentre(als->tt, k, right));
      PetscCall(UpdateEnvironment(als, k, right));
    }
  }
  als->state.centre = right ? nd - 1 : 0;
  PetscFunctionReturn(0);
}
