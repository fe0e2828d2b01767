// nonlinear.c - the weak residual of a multilinear form over a sum of products (SnaMultilinear), and its Jacobian.
//
// With C = R + L columns (field, lift), values V^d_m[q, c] of their m-th derivatives on the rule of direction d and Psi_d the weighted test functions,
//
//   T^d_t[j; c_1 .. c_p] = sum_q Psi_d[q, j] a_{t,d}[q] prod_i V^d_{of[i][d]}[q, c_i]           (one matrix product per term and direction)
//   F_j                  = sum_t c_t sum_{c_1 .. c_p} prod_d T^d_t[j_d; c_1 .. c_p]
//   dF_j / dx^d_{r,i}    = sum_k W^d[j without j_d; r, k] S^d_{j_d}[k, i]     k: term, occurrence o that is varied, columns of the others
//     W^d = c_t prod_{e != d} T^e_t[j_e; .. r at o ..],     S^d_j[k, i] = sum_q Psi_d[q, j] a_{t,d} prod_{i' != o} V^d[q, c_i'] (d^of[o] B_i)[q]
//
// Occurrences with the same derivatives (u^2) count once, times their number. All of it is matrix products and products entry by entry; the cost of the Jacobian is
// rows * unknowns * k. The tables grow like C^p: meant for ranks of tens and p up to 4.
#include "nonlinear_impl.h"

#include <petscblaslapack.h>

#define PANEL 128 // tuples of columns that a residual takes at a time

static PetscErrorCode Gemm(char ta, char tb, PetscInt m, PetscInt n, PetscInt k, const double *A, PetscInt lda,
  const double *B, PetscInt ldb, double beta, double *C, PetscInt ldc)
{
  const PetscBLASInt bm = (PetscBLASInt)m, bn = (PetscBLASInt)n, bk = (PetscBLASInt)k, la = (PetscBLASInt)lda,
                     lb = (PetscBLASInt)ldb, lc = (PetscBLASInt)ldc;
  const double one = 1;

  PetscFunctionBeginUser;
  if (m > 0 && n > 0) PetscCallBLAS("dgemm", BLASgemm_(&ta, &tb, &bm, &bn, &bk, &one, A, &la, B, &lb, &beta, C, &lc));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Set-up
// ---------------------------------------------------------------------------------------------------------------------
// Test functions at the points of the rule, made orthonormal in the weighted inner product: Psi = B L^-T with B^T W B = L L^T, then times the weights.
static PetscErrorCode TestFunctions(SnaBasis test, const SnaTabulation *tab, const double *weight, double **Psi)
{
  const PetscInt nq = tab->nq;
  SnaBasisInfo   info;
  double        *B, *WB, *M, *local;
  PetscBLASInt   nb, qb, err;
  const double   one = 1;

  PetscFunctionBeginUser;
  PetscCall(SnaBasisGetInfo(test, &info));
  PetscCall(PetscMalloc4((size_t)nq * (size_t)info.n, &B, (size_t)nq * (size_t)info.n, &WB,
    (size_t)info.n * (size_t)info.n, &M, info.local, &local));
  PetscCall(PetscArrayzero(B, (size_t)nq * (size_t)info.n));
  for (PetscInt q = 0; q < nq; q++) {
    const PetscInt *index;
    PetscInt        cell;
    PetscCall(SnaBasisEvaluate(test, tab->x[q], 0, &cell, local));
    PetscCall(SnaBasisGetIndex(test, cell, &index));
    for (PetscInt a = 0; a < info.local; a++)
      if (index[a] >= 0) B[index[a] * nq + q] = local[a];
  }
  for (PetscInt i = 0; i < info.n; i++)
    for (PetscInt q = 0; q < nq; q++) WB[i * nq + q] = B[i * nq + q] * tab->w[q] * (weight ? weight[q] : 1);
  PetscCall(Gemm('T', 'N', info.n, info.n, nq, B, nq, WB, nq, 0, M, info.n));
  PetscCall(PetscBLASIntCast(info.n, &nb));
  PetscCall(PetscBLASIntCast(nq, &qb));
  PetscCallBLAS("dpotrf", LAPACKpotrf_("L", &nb, M, &nb, &err));
  PetscCheck(err == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "test functions of direction %s are not independent on the rule",
    info.name);
  PetscCallBLAS("dtrsm", BLAStrsm_("R", "L", "T", "N", &qb, &nb, &one, M, &nb, WB, &qb));
  PetscCall(PetscMalloc1((size_t)nq * (size_t)info.n, Psi));
  PetscCall(PetscArraycpy(*Psi, WB, (size_t)nq * (size_t)info.n));
  PetscCall(PetscFree4(B, WB, M, local));
  PetscFunctionReturn(0);
}

static PetscErrorCode TrialFunctions(SnaBasis trial, const SnaTabulation *tab, PetscInt order, double **B)
{
  SnaBasisInfo info;

  PetscFunctionBeginUser;
  PetscCall(SnaBasisGetInfo(trial, &info));
  PetscCheck(tab->order >= order, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "derivatives of direction %s are tabulated up to %" PetscInt_FMT ", the terms need %" PetscInt_FMT, info.name,
    tab->order, order);
  PetscCall(PetscCalloc1((size_t)(order + 1) * (size_t)tab->nq * (size_t)info.n, B));
  for (PetscInt m = 0; m <= order; m++) {
    for (PetscInt q = 0; q < tab->nq; q++) {
      const PetscInt *index;
      PetscCall(SnaBasisGetIndex(trial, q / tab->per_cell, &index));
      for (PetscInt a = 0; a < info.local; a++)
        if (index[a] >= 0)
          (*B)[(m * info.n + index[a]) * tab->nq + q] = tab->values[(m * tab->nq + q) * info.local + a];
    }
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode CopyTerms(SnaMultilinear form, PetscInt nterm, const SnaMultilinearTerm term[])
{
  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(PetscMax(1, nterm), &form->term));
  for (PetscInt t = 0; t < nterm; t++) {
    form->term[t] = term[t];
    PetscCheck(term[t].power >= 0 && term[t].power <= SNA_MAX_POWER, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
      "term %" PetscInt_FMT " has power %" PetscInt_FMT, t, term[t].power);
    for (PetscInt d = 0; d < form->nd; d++) {
      double *copy;
      for (PetscInt i = 0; i < term[t].power; i++) form->order[d] = PetscMax(form->order[d], term[t].of[i][d]);
      if (!term[t].value[d]) continue;
      PetscCall(PetscMalloc1(form->nq[d], &copy));
      PetscCall(PetscArraycpy(copy, term[t].value[d], form->nq[d]));
      form->term[t].value[d] = copy;
    }
  }
  form->nterm = nterm;
  PetscFunctionReturn(0);
}

// The coefficient of a product goes into its factor in direction 0.
static PetscErrorCode CopyLift(
  SnaMultilinear form, const SnaTabulation tab[], PetscInt nlift, const SnaMultilinearLift lift[])
{
  PetscFunctionBeginUser;
  form->nlift = nlift;
  for (PetscInt d = 0; d < form->nd; d++) {
    const PetscInt nq = form->nq[d];
    PetscCheck(nlift == 0 || tab[d].order >= form->order[d], PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "derivatives");
    PetscCall(PetscMalloc1((size_t)(form->order[d] + 1) * (size_t)PetscMax(1, nlift) * (size_t)nq, &form->lift[d]));
    for (PetscInt m = 0; m <= form->order[d]; m++) {
      for (PetscInt l = 0; l < nlift; l++) {
        for (PetscInt q = 0; q < nq; q++) {
          const double value                      = lift[l].value[d] ? lift[l].value[d][m * nq + q] : m == 0 ? 1 : 0;
          form->lift[d][(m * nlift + l) * nq + q] = value * (d == 0 ? lift[l].coefficient : 1);
        }
      }
    }
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaMultilinearCreate(PetscInt nd, const SnaBasis trial[], const SnaBasis test[],
  const SnaTabulation tab[], const double *const weight[], PetscInt nterm, const SnaMultilinearTerm term[],
  PetscInt nlift, const SnaMultilinearLift lift[], SnaMultilinear *form)
{
  SnaMultilinear f;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&f));
  f->nd = nd;
  for (PetscInt d = 0; d < nd; d++) {
    SnaBasisInfo info;
    PetscCall(SnaBasisGetInfo(trial[d], &info));
    f->trial[d] = trial[d];
    f->n[d]     = info.n;
    f->nq[d]    = tab[d].nq;
    PetscCall(PetscMalloc2(tab[d].nq, &f->x[d], tab[d].nq, &f->w[d]));
    PetscCall(PetscArraycpy(f->x[d], tab[d].x, tab[d].nq));
    PetscCall(PetscArraycpy(f->w[d], tab[d].w, tab[d].nq));
    PetscCall(SnaBasisGetInfo(test[d], &info));
    f->J[d] = info.n;
    if (f->J[d] > f->J[f->slow]) f->slow = d;
  }
  PetscCall(CopyTerms(f, nterm, term));
  PetscCall(CopyLift(f, tab, nlift, lift));
  for (PetscInt d = 0; d < nd; d++) {
    PetscCall(TrialFunctions(trial[d], &tab[d], f->order[d], &f->B[d]));
    PetscCall(TestFunctions(test[d], &tab[d], weight ? weight[d] : NULL, &f->Psi[d]));
  }
  *form = f;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaMultilinearDestroy(SnaMultilinear *form)
{
  SnaMultilinear f = *form;

  PetscFunctionBeginUser;
  if (!f) PetscFunctionReturn(0);
  for (PetscInt d = 0; d < f->nd; d++) {
    for (PetscInt t = 0; t < f->nterm; t++) PetscCall(PetscFree(*(double **)&f->term[t].value[d]));
    PetscCall(PetscFree2(f->x[d], f->w[d]));
    PetscCall(PetscFree(f->B[d]));
    PetscCall(PetscFree(f->Psi[d]));
    PetscCall(PetscFree(f->lift[d]));
  }
  PetscCall(PetscFree(f->term));
  PetscCall(PetscFree(*form));
  PetscFunctionReturn(0);
}

// Test tuples of all directions but one, `without` (-1: none).
static PetscInt Rows(SnaMultilinear f, PetscInt without)
{
  PetscInt rows = 1;
  for (PetscInt d = 0; d < f->nd; d++)
    if (d != without) rows *= f->J[d];
  return rows;
}

static PetscInt Unknowns(SnaMultilinear f)
{
  PetscInt n = 0;
  for (PetscInt d = 0; d < f->nd; d++) n += f->n[d];
  return n;
}

PetscErrorCode SnaMultilinearGetSizes(SnaMultilinear f, PetscInt *rows, PetscInt *unknowns)
{
  PetscFunctionBeginUser;
  *rows     = Rows(f, -1);
  *unknowns = Unknowns(f);
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Tables of 1-D integrals
// ---------------------------------------------------------------------------------------------------------------------
static PetscInt Power(PetscInt base, PetscInt exponent)
{
  PetscInt result = 1;
  for (PetscInt i = 0; i < exponent; i++) result *= base;
  return result;
}

static PetscInt MostTuples(SnaMultilinear f, PetscInt columns)
{
  PetscInt most = 1;
  for (PetscInt t = 0; t < f->nterm; t++) most = PetscMax(most, Power(columns, f->term[t].power));
  return most;
}

static PetscInt Tuples(SnaMultilinear f, PetscInt columns)
{
  PetscInt n = 0;
  for (PetscInt t = 0; t < f->nterm; t++) n += Power(columns, f->term[t].power);
  return n;
}

// V[(m*C + c)*nq + q]: the field's columns, then the lift's.
static PetscErrorCode ColumnValues(SnaMultilinear f, PetscInt d, PetscInt R, const double *x, double *V)
{
  const PetscInt C = R + f->nlift, nq = f->nq[d], n = f->n[d];

  PetscFunctionBeginUser;
  for (PetscInt m = 0; m <= f->order[d]; m++) {
    PetscCall(Gemm('N', 'N', nq, R, n, f->B[d] + m * n * nq, nq, x, n, 0, V + m * C * nq, nq));
    PetscCall(PetscArraycpy(V + (m * C + R) * nq, f->lift[d] + m * f->nlift * nq, (size_t)f->nlift * (size_t)nq));
  }
  PetscFunctionReturn(0);
}

// P[tuple*nq + q] = a_{t,d} times the product of the columns of all occurrences but `skip` (-1: none); the first occurrence runs fastest in a tuple.
static void Products(SnaMultilinear f, PetscInt t, PetscInt d, PetscInt C, const double *V, PetscInt skip, double *P)
{
  const SnaMultilinearTerm *term = &f->term[t];
  const PetscInt            nq   = f->nq[d];
  PetscInt                  made = 1;

  for (PetscInt q = 0; q < nq; q++) P[q] = term->value[d] ? term->value[d][q] : 1;
  for (PetscInt i = 0; i < term->power; i++) {
    const double *Vi = V + term->of[i][d] * C * nq;
    if (i == skip) continue;
    for (PetscInt c = C - 1; c >= 0; c--) // column 0 in place, last
      for (PetscInt k = 0; k < made; k++)
        for (PetscInt q = 0; q < nq; q++) P[(c * made + k) * nq + q] = P[k * nq + q] * Vi[c * nq + q];
    made *= C;
  }
}

typedef struct {
  PetscInt R, C, tuples;
  double  *V[SNA_MAX_DIM], *T[SNA_MAX_DIM]; // T[tuple*J + j], terms one after the other
} Tables;

static PetscErrorCode CreateTables(SnaMultilinear f, PetscInt R, const double *x, Tables *w)
{
  PetscInt offset = 0;

  PetscFunctionBeginUser;
  *w        = (Tables){.R = R, .C = R + f->nlift};
  w->tuples = Tuples(f, w->C);
  for (PetscInt d = 0; d < f->nd; offset += R * f->n[d++]) {
    double  *P;
    PetscInt done = 0;
    PetscCall(PetscMalloc2((size_t)(f->order[d] + 1) * (size_t)w->C * (size_t)f->nq[d], &w->V[d],
      (size_t)w->tuples * (size_t)f->J[d], &w->T[d]));
    PetscCall(PetscMalloc1((size_t)MostTuples(f, w->C) * (size_t)f->nq[d], &P));
    PetscCall(ColumnValues(f, d, R, x ? x + offset : NULL, w->V[d]));
    for (PetscInt t = 0; t < f->nterm; t++) {
      const PetscInt n = Power(w->C, f->term[t].power);
      if (n > 0) Products(f, t, d, w->C, w->V[d], -1, P);
      PetscCall(
        Gemm('T', 'N', f->J[d], n, f->nq[d], f->Psi[d], f->nq[d], P, f->nq[d], 0, w->T[d] + done * f->J[d], f->J[d]));
      done += n;
    }
    PetscCall(PetscFree(P));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode FreeTables(SnaMultilinear f, Tables *w)
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < f->nd; d++) PetscCall(PetscFree2(w->V[d], w->T[d]));
  PetscFunctionReturn(0);
}

// out = scale * the Kronecker product of the directions' columns for one tuple, without one, in the order of the rows.
static void Kronecker(SnaMultilinear f, const Tables *w, PetscInt tuple, double scale, PetscInt without, double *out)
{
  PetscInt made = 1;

  out[0] = scale;
  for (PetscInt k = 0; k < f->nd; k++) { // the slow direction last
    const PetscInt d = k == f->nd - 1 ? f->slow : k < f->slow ? k : k + 1, J = f->J[d];
    const double  *column = w->T[d] + tuple * J;
    if (d == without) continue;
    for (PetscInt j = J - 1; j >= 0; j--)
      for (PetscInt i = 0; i < made; i++) out[j * made + i] = out[i] * column[j];
    made *= J;
  }
}

PetscErrorCode SnaMultilinearResidual(SnaMultilinear f, PetscInt R, const double x[], double F[])
{
  const PetscInt others = Rows(f, f->slow), J = f->J[f->slow];
  Tables         w;
  double        *panel;
  PetscInt       t = 0, first = 0; // of the term of a tuple

  PetscFunctionBeginUser;
  PetscCall(CreateTables(f, R, x, &w));
  PetscCall(PetscMalloc1((size_t)others * PANEL, &panel));
  PetscCall(PetscArrayzero(F, (size_t)others * (size_t)J));
  for (PetscInt k0 = 0; k0 < w.tuples; k0 += PANEL) {
    const PetscInt count = PetscMin(PANEL, w.tuples - k0);
    for (PetscInt k = 0; k < count; k++) {
      while (k0 + k >= first + Power(w.C, f->term[t].power)) first += Power(w.C, f->term[t++].power);
      Kronecker(f, &w, k0 + k, f->term[t].coefficient, f->slow, panel + k * others);
    }
    PetscCall(Gemm('N', 'T', others, J, count, panel, others, w.T[f->slow] + k0 * J, J, 1, F, others));
  }
  PetscCall(PetscFree(panel));
  PetscCall(FreeTables(f, &w));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Jacobian
// ---------------------------------------------------------------------------------------------------------------------
// How many occurrences have the derivatives of occurrence o; 0 when an earlier one has them.
static PetscInt Multiplicity(SnaMultilinear f, PetscInt t, PetscInt o)
{
  const SnaMultilinearTerm *term  = &f->term[t];
  PetscInt                  count = 0;

  for (PetscInt i = 0; i < term->power; i++) {
    PetscBool same = PETSC_TRUE;
    for (PetscInt d = 0; d < f->nd; d++)
      if (term->of[i][d] != term->of[o][d]) same = PETSC_FALSE;
    if (same && i < o) return 0;
    if (same) count++;
  }
  return count;
}

// Number of k: terms, distinct occurrences, columns of the others.
static PetscInt Partial(SnaMultilinear f, PetscInt C)
{
  PetscInt K = 0;
  for (PetscInt t = 0; t < f->nterm; t++)
    for (PetscInt o = 0; o < f->term[t].power; o++)
      if (Multiplicity(f, t, o) > 0) K += Power(C, f->term[t].power - 1);
  return K;
}

// A k of the sums above.
typedef struct {
  PetscInt t, o, count; // term, occurrence, its multiplicity
  PetscInt first, c;    // the term's first tuple; the columns of the others, as in Products()
} Variation;

static PetscErrorCode ListVariations(SnaMultilinear f, PetscInt C, PetscInt *n, Variation **list)
{
  PetscInt first = 0;

  PetscFunctionBeginUser;
  *n = 0;
  PetscCall(PetscMalloc1(PetscMax(1, Partial(f, C)), list));
  for (PetscInt t = 0; t < f->nterm; first += Power(C, f->term[t++].power)) {
    for (PetscInt o = 0; o < f->term[t].power; o++) {
      const PetscInt count = Multiplicity(f, t, o);
      for (PetscInt c = 0; count > 0 && c < Power(C, f->term[t].power - 1); c++)
        (*list)[(*n)++] = (Variation){t, o, count, first, c};
    }
  }
  PetscFunctionReturn(0);
}

// W[(k*R + r)*rows + row], rows without direction d.
static void OtherDirections(SnaMultilinear f, const Tables *w, PetscInt d, PetscInt K, const Variation v[], double *W)
{
  const PetscInt rows = Rows(f, d);

  for (PetscInt k = 0; k < K; k++) {
    const PetscInt stride = Power(w->C, v[k].o), low = v[k].c % stride, high = v[k].c / stride;
    for (PetscInt r = 0; r < w->R; r++)
      Kronecker(f, w, v[k].first + low + stride * (r + w->C * high), (double)v[k].count * f->term[v[k].t].coefficient,
        d, W + (k * w->R + r) * rows);
  }
}

// S[(k*J + j)*n + i]
static PetscErrorCode ThisDirection(
  SnaMultilinear f, const Tables *w, PetscInt d, PetscInt K, const Variation v[], double *S)
{
  const PetscInt n = f->n[d], nq = f->nq[d], J = f->J[d];
  double        *P, *weighted;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2((size_t)MostTuples(f, w->C) * (size_t)nq, &P, (size_t)nq * (size_t)J, &weighted));
  for (PetscInt k = 0; k < K; k++) {
    if (v[k].c == 0) Products(f, v[k].t, d, w->C, w->V[d], v[k].o, P);
    for (PetscInt j = 0; j < J; j++)
      for (PetscInt q = 0; q < nq; q++) weighted[j * nq + q] = f->Psi[d][j * nq + q] * P[v[k].c * nq + q];
    PetscCall(Gemm(
      'T', 'N', n, J, nq, f->B[d] + f->term[v[k].t].of[v[k].o][d] * n * nq, nq, weighted, nq, 0, S + k * J * n, n));
  }
  PetscCall(PetscFree2(P, weighted));
  PetscFunctionReturn(0);
}

// Row of test tuple (l, j, h) is l + faster*(j + J*h), l and h the tuples of the directions that run faster and slower than d.
static PetscInt Faster(SnaMultilinear f, PetscInt d)
{
  PetscInt faster = 1;

  for (PetscInt e = 0; e < f->nd; e++)
    if (e != f->slow && (d == f->slow || e < d)) faster *= f->J[e];
  return faster;
}

PetscErrorCode SnaMultilinearJacobian(SnaMultilinear f, PetscInt R, const double x[], double Jac[], PetscInt ldj)
{
  Tables     w;
  Variation *v;
  PetscInt   offset = 0, K;

  PetscFunctionBeginUser;
  if (R == 0) PetscFunctionReturn(0);
  PetscCall(CreateTables(f, R, x, &w));
  PetscCall(ListVariations(f, w.C, &K, &v));
  for (PetscInt d = 0; d < f->nd; offset += R * f->n[d++]) {
    const PetscInt n = f->n[d], J = f->J[d], rows = Rows(f, d), faster = Faster(f, d);
    double        *W, *S, *block;
    PetscCall(PetscMalloc3((size_t)rows * (size_t)R * (size_t)K, &W, (size_t)n * (size_t)J * (size_t)K, &S,
      (size_t)rows * (size_t)R * (size_t)n, &block));
    OtherDirections(f, &w, d, K, v, W);
    PetscCall(ThisDirection(f, &w, d, K, v, S));
    for (PetscInt j = 0; j < J; j++) {
      PetscCall(Gemm('N', 'T', rows * R, n, K, W, rows * R, S + j * n, n * J, 0, block, rows * R));
      for (PetscInt i = 0; i < n; i++) {
        for (PetscInt r = 0; r < R; r++) {
          const double *from = block + (i * R + r) * rows;
          double       *to   = Jac + (size_t)(offset + r * n + i) * (size_t)ldj + j * faster;
          for (PetscInt h = 0; h < rows; h += faster, to += faster * J)
            for (PetscInt l = 0; l < faster; l++) to[l] = from[h + l];
        }
      }
    }
    PetscCall(PetscFree3(W, S, block));
  }
  PetscCall(PetscFree(v));
  PetscCall(FreeTables(f, &w));
  PetscFunctionReturn(0);
}

// g[r, i] = sum_q B_i[q] sum_k P_k[q] sum_j Psi_j[q] Y[r, k; j],  Y = W^T F: the Jacobian is never formed.
PetscErrorCode SnaMultilinearGradient(SnaMultilinear f, PetscInt R, const double x[], const double F[], double g[])
{
  Tables     w;
  Variation *v;
  PetscInt   offset = 0, K;

  PetscFunctionBeginUser;
  PetscCall(PetscArrayzero(g, R * Unknowns(f)));
  if (R == 0) PetscFunctionReturn(0);
  PetscCall(CreateTables(f, R, x, &w));
  PetscCall(ListVariations(f, w.C, &K, &v));
  for (PetscInt d = 0; d < f->nd; offset += R * f->n[d++]) {
    const PetscInt n = f->n[d], nq = f->nq[d], J = f->J[d], rows = Rows(f, d), faster = Faster(f, d);
    double        *W, *G, *Y, *Z, *P, *sum;
    PetscCall(PetscMalloc6((size_t)rows * (size_t)R * (size_t)K, &W, (size_t)rows * (size_t)J, &G,
      (size_t)R * (size_t)K * (size_t)J, &Y, (size_t)nq * (size_t)R * (size_t)K, &Z,
      (size_t)MostTuples(f, w.C) * (size_t)nq, &P, (size_t)nq * (size_t)R, &sum));
    OtherDirections(f, &w, d, K, v, W);
    for (PetscInt j = 0; j < J; j++)
      for (PetscInt h = 0; h < rows; h += faster)
        PetscCall(PetscArraycpy(G + j * rows + h, F + faster * j + h * J, faster));
    PetscCall(Gemm('T', 'N', R * K, J, rows, W, rows, G, rows, 0, Y, R * K));
    PetscCall(Gemm('N', 'T', nq, R * K, J, f->Psi[d], nq, Y, R * K, 0, Z, nq));
    for (PetscInt k = 0; k < K; k++) {
      const PetscInt m = f->term[v[k].t].of[v[k].o][d];
      if (v[k].c == 0) Products(f, v[k].t, d, w.C, w.V[d], v[k].o, P);
      for (PetscInt r = 0; r < R; r++)
        for (PetscInt q = 0; q < nq; q++)
          sum[r * nq + q] = (v[k].c ? sum[r * nq + q] : 0) + P[v[k].c * nq + q] * Z[(k * R + r) * nq + q];
      if (k + 1 == K || v[k + 1].c == 0) // the last of a term's occurrence
        PetscCall(Gemm('T', 'N', n, R, nq, f->B[d] + m * n * nq, nq, sum, nq, 1, g + offset, n));
    }
    PetscCall(PetscFree6(W, G, Y, Z, P, sum));
  }
  PetscCall(PetscFree(v));
  PetscCall(FreeTables(f, &w));
  PetscFunctionReturn(0);
}
