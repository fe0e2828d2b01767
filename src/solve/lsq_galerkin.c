// lsq_galerkin.c - the energy F(u) = a(u, u) - 2 l(u) of a symmetric weak form as tables of 1-D integrals.
//
//   a(u, v) = sum_k s_k prod_d int g (d^i v)(d^j u)        matrix [row, column] = int g (d^i B_row)(d^j B_column): i of the test function, j of the trial
//   l(v)    = sum_m t_m prod_d int q (d^i v)               or, at an end of a direction, the integrand there instead of the integral
//
// Where a is symmetric and coercive the minimum of F is the solution of a(u, v) = l(v) for all v (Ciarlet, The Finite Element Method for Elliptic Problems,
// ch. 1), F = -a(u, u) there, and the error in the energy norm is that of the nearest function of the space (Cea). Symmetric is checked here: every term is
// its own transpose or has it as another term. Coercive is not; a solver finds out.
#include "lsq_impl.h"

#define SYMMETRIC 1e-12 // relative: entries of a matrix, coefficients of a term and its transpose
#define CANCELLED 1e-12 // of the sum of equal terms, relative to its parts

// What is done with a function, as a number.
static PetscInt Key(PetscInt test, PetscInt trial, int end)
{
  return (test * 16 + trial) * 3 + end + 1;
}

static void SplitKey(PetscInt key, PetscInt *test, PetscInt *trial, int *end)
{
  *end   = (int)(key % 3) - 1;
  *test  = key / 48;
  *trial = key / 3 % 16;
}

// B[i*(order+1) + m] = m-th derivative of active function i at the lower (end < 0) or upper end of the direction; *first, *last: those that may differ from zero.
static PetscErrorCode FunctionsAtEnd(SnaBasis basis, int end, PetscInt order, double **B)
{
  SnaBasisInfo    info;
  const PetscInt *index;
  PetscInt        cell;
  double         *value;

  PetscFunctionBeginUser;
  PetscCall(SnaBasisGetInfo(basis, &info));
  PetscCall(PetscCalloc1((size_t)info.n * (size_t)(order + 1), B));
  PetscCall(PetscMalloc1((size_t)info.local * (size_t)(order + 1), &value));
  PetscCall(SnaBasisEvaluate(basis, end < 0 ? info.lo : info.hi, order, &cell, value));
  PetscCall(SnaBasisGetIndex(basis, cell, &index));
  for (PetscInt a = 0; a < info.local; a++)
    for (PetscInt m = 0; m <= order && index[a] >= 0; m++) (*B)[index[a] * (order + 1) + m] = value[m * info.local + a];
  PetscCall(PetscFree(value));
  PetscFunctionReturn(0);
}

static PetscErrorCode Matrix(const SnaLsqDirection *D, const SnaTabulation *tab, const SnaLsqFunction *f, double *M)
{
  PetscInt test, trial, order;
  int      end;
  double  *B;

  PetscFunctionBeginUser;
  SplitKey(f->key, &test, &trial, &end);
  if (end == 0) {
    PetscCall(SnaIntegrateMatrix(D->basis, tab, test, trial, f->g, M));
    PetscFunctionReturn(0);
  }
  order = PetscMax(test, trial);
  PetscCall(FunctionsAtEnd(D->basis, end, order, &B));
  for (PetscInt i = 0; i < D->n; i++)
    for (PetscInt j = PetscMax(0, i - D->p); j <= PetscMin(D->n - 1, i + D->p); j++)
      M[i * (2 * D->p + 1) + j - i + D->p] = f->g[0] * B[i * (order + 1) + test] * B[j * (order + 1) + trial];
  PetscCall(PetscFree(B));
  PetscFunctionReturn(0);
}

static PetscErrorCode Vector(const SnaLsqDirection *D, const SnaTabulation *tab, const SnaLsqFunction *f, double *v)
{
  PetscInt test, trial;
  int      end;
  double  *B;

  PetscFunctionBeginUser;
  SplitKey(f->key, &test, &trial, &end);
  if (end == 0) {
    PetscCall(SnaIntegrateVector(D->basis, tab, test, f->g, v));
    PetscFunctionReturn(0);
  }
  PetscCall(FunctionsAtEnd(D->basis, end, test, &B));
  for (PetscInt i = 0; i < D->n; i++) v[i] = f->g[0] * B[i * (test + 1) + test];
  PetscCall(PetscFree(B));
  PetscFunctionReturn(0);
}

static void Transpose(PetscInt n, PetscInt p, const double *M, double *T)
{
  const PetscInt width = 2 * p + 1;

  for (PetscInt i = 0; i < n; i++)
    for (PetscInt j = PetscMax(0, i - p); j <= PetscMin(n - 1, i + p); j++)
      T[j * width + i - j + p] = M[i * width + j - i + p];
}

static PetscBool IsSymmetric(PetscInt n, PetscInt p, const double *M)
{
  const PetscInt width   = 2 * p + 1;
  double         largest = 0, difference = 0;

  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt j = PetscMax(0, i - p); j <= i; j++) {
      const double lower = M[i * width + j - i + p], upper = M[j * width + i - j + p];
      largest    = PetscMax(largest, PetscMax(PetscAbsReal(lower), PetscAbsReal(upper)));
      difference = PetscMax(difference, PetscAbsReal(lower - upper));
    }
  }
  return (PetscBool)(difference <= SYMMETRIC * largest);
}

// The matrices of one direction: one for each function of the list and its mirror image (test and trial exchanged), those that are not symmetric
// followed, at the end of the table, by their transposes. number[a]: matrix of function a.
static PetscErrorCode CreateMatrices(
  const SnaTabulation *tab, SnaLsqFunctions *list, SnaLsqDirection *D, PetscInt number[])
{
  const PetscInt given = list->n, size = D->n * (2 * D->p + 1);
  PetscInt      *mirror, *upper, *lower, nlower = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc3(2 * (size_t)given, &mirror, (size_t)given, &upper, (size_t)given, &lower));
  for (PetscInt a = 0; a < given; a++) { // the list may grow
    PetscInt test, trial;
    int      end;
    SplitKey(list->f[a].key, &test, &trial, &end);
    PetscCall(SnaLsqFindOrAppend_Private(list->f[a].nq, list->f[a].g, Key(trial, test, end), list, &mirror[a]));
    mirror[mirror[a]] = a;
  }
  PetscCall(PetscCalloc1(list->n, &D->M));
  D->nupper = 0;
  for (PetscInt a = 0; a < given; a++) {
    double *M;
    if (mirror[a] < a) continue; // done with its mirror image
    PetscCall(PetscCalloc1(size, &M));
    PetscCall(Matrix(D, tab, &list->f[a], M));
    upper[D->nupper] = a;
    if (mirror[a] != a && !IsSymmetric(D->n, D->p, M)) lower[nlower++] = D->nupper;
    number[a]         = D->nupper;
    D->M[D->nupper++] = M;
  }
  D->npair = D->nupper + nlower;
  PetscCall(PetscMalloc1(D->npair, &D->transpose));
  PetscCall(PetscCalloc1(D->nupper, &D->transposed));
  PetscCall(PetscMalloc1(D->npair, &D->derivative));
  D->nop      = D->npair;
  D->identity = -1;
  for (PetscInt i = 0; i < D->nupper; i++) {
    const SnaLsqFunction *f = &list->f[upper[i]];
    PetscInt              test, trial;
    int                   end;
    SplitKey(f->key, &test, &trial, &end);
    D->transpose[i]  = i;
    D->derivative[i] = PetscMax(test, trial);
    if (f->key == Key(0, 0, 0) && SnaLsqIsOne_Private(f)) D->identity = i;
    if (mirror[upper[i]] < given) number[mirror[upper[i]]] = i;
  }
  for (PetscInt l = 0; l < nlower; l++) {
    const PetscInt i = lower[l], j = D->nupper + l;
    PetscCall(PetscCalloc1(size, &D->M[j]));
    Transpose(D->n, D->p, D->M[i], D->M[j]);
    D->transpose[i]  = j;
    D->transpose[j]  = i;
    D->derivative[j] = D->derivative[i];
    if (mirror[upper[i]] < given) number[mirror[upper[i]]] = j;
  }
  PetscCall(PetscFree3(mirror, upper, lower));
  PetscFunctionReturn(0);
}

// The term with matrix index[d] in direction d, among the first n of the functional; -1: there is none.
static PetscInt FindTerm(SnaLsq L, PetscInt n, const PetscInt index[])
{
  for (PetscInt k = 0; k < n; k++) {
    PetscInt d = 0;
    while (d < L->nd && L->dir[d].op[k] == index[d]) d++;
    if (d == L->nd) return k;
  }
  return -1;
}

// Adds up terms with the same matrices; those that cancel go.
static PetscErrorCode AddEqualTerms(SnaLsq L)
{
  PetscInt n = 0, left = 0, index[SNA_MAX_DIM];
  double  *size;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(L->nk, &size));
  for (PetscInt k = 0; k < L->nk; k++) {
    PetscInt same;
    for (PetscInt d = 0; d < L->nd; d++) index[d] = L->dir[d].op[k];
    same = FindTerm(L, n, index);
    if (same >= 0) {
      L->s[same] += L->s[k];
      size[same] += PetscAbsReal(L->s[k]);
    } else {
      for (PetscInt d = 0; d < L->nd; d++) L->dir[d].op[n] = index[d];
      size[n]   = PetscAbsReal(L->s[k]);
      L->s[n++] = L->s[k];
    }
  }
  for (PetscInt k = 0; k < n; k++) {
    if (PetscAbsReal(L->s[k]) <= CANCELLED * size[k]) continue;
    for (PetscInt d = 0; d < L->nd; d++) L->dir[d].op[left] = L->dir[d].op[k];
    L->s[left++] = L->s[k];
  }
  L->nk = left;
  PetscCall(PetscFree(size));
  PetscFunctionReturn(0);
}

// Quadratic terms: one for a term that is its own transpose, one for a term and its transpose. *symmetric = PETSC_FALSE where the transpose is missing.
static PetscErrorCode ListTerms(SnaLsq L, PetscBool *symmetric)
{
  PetscInt index[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc3(L->nk, &L->quad_s, L->nk, &L->twice, L->nm, &L->lin_t));
  PetscCall(PetscMalloc1(L->nk, &L->all));
  for (PetscInt d = 0; d < L->nd; d++) PetscCall(PetscMalloc2(L->nk, &L->dir[d].quad, L->nm, &L->dir[d].lin));
  *symmetric = PETSC_TRUE;
  for (PetscInt k = 0; k < L->nk; k++) {
    PetscInt other;
    for (PetscInt d = 0; d < L->nd; d++) index[d] = L->dir[d].transpose[L->dir[d].op[k]];
    other = FindTerm(L, L->nk, index);
    if (other < 0 ||
        PetscAbsReal(L->s[other] - L->s[k]) > SYMMETRIC * (PetscAbsReal(L->s[other]) + PetscAbsReal(L->s[k])))
      *symmetric = PETSC_FALSE;
    if (other >= 0 && other < k) continue; // stands for this one too
    L->quad_s[L->nquad] = L->s[k];
    L->twice[L->nquad]  = (PetscBool)(other != k);
    L->all[L->nall++]   = L->nquad;
    if (L->twice[L->nquad] && L->nall < L->nk) L->all[L->nall++] = -1 - L->nquad;
    for (PetscInt d = 0; d < L->nd; d++) {
      SnaLsqDirection *D = &L->dir[d];
      D->quad[L->nquad]  = D->op[k];
      if (D->op[k] >= D->nupper) D->transposed[D->transpose[D->op[k]]] = PETSC_TRUE;
    }
    L->nquad++;
  }
  L->nlin = L->nm;
  for (PetscInt m = 0; m < L->nm; m++) {
    L->lin_t[m] = L->t[m];
    for (PetscInt d = 0; d < L->nd; d++) L->dir[d].lin[m] = L->dir[d].rhs[m];
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode Collapse(PetscInt nd, const SnaTabulation tabs[], PetscBool load, PetscInt nterm,
  const SnaLsqWeakTerm term[], PetscInt *nkept, double coefficient[], PetscInt *const index[], SnaLsqFunctions list[])
{
  SnaLsqProduct *product;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1(nterm, &product));
  for (PetscInt k = 0; k < nterm; k++) {
    product[k].coefficient = load ? -term[k].coefficient : term[k].coefficient; // F has + 2 t u^T f
    for (PetscInt d = 0; d < nd; d++) {
      const PetscInt trial = load ? 0 : term[k].trial[d], test = term[k].test[d];
      PetscCheck(test >= 0 && test < 16 && trial >= 0 && trial < 16 && PetscAbs(term[k].end[d]) <= 1, PETSC_COMM_SELF,
        PETSC_ERR_ARG_OUTOFRANGE, "Term %" PetscInt_FMT ", direction %" PetscInt_FMT ": derivatives or end", k, d);
      product[k].value[d] = term[k].value[d];
      product[k].nq[d]    = term[k].end[d] ? 1 : tabs[d].nq;
      product[k].key[d]   = Key(test, trial, term[k].end[d]);
    }
  }
  PetscCall(SnaLsqCollapse_Private(nd, nterm, product, nkept, coefficient, index, list));
  PetscCall(PetscFree(product));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaLsqCreateGalerkin(PetscInt nd, const SnaBasis bases[], const SnaTabulation tabs[], PetscInt nk,
  const SnaLsqWeakTerm a[], PetscInt nm, const SnaLsqWeakTerm l[], PetscBool *symmetric, SnaLsq *lsq)
{
  SnaLsq          L;
  SnaLsqFunctions forms[SNA_MAX_DIM] = {{0}}, loads[SNA_MAX_DIM] = {{0}};
  PetscInt       *form_index[SNA_MAX_DIM], *load_index[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  PetscCheck(
    nd >= 1 && nd <= SNA_MAX_DIM, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " directions", nd);
  PetscCall(PetscNew(&L));
  L->galerkin = PETSC_TRUE;
  L->nd       = nd;
  PetscCall(PetscMalloc2(nk, &L->s, PetscMax(nm, 1), &L->t));
  for (PetscInt d = 0; d < nd; d++) {
    PetscCall(PetscMalloc2(nk, &L->dir[d].op, PetscMax(nm, 1), &L->dir[d].rhs));
    form_index[d] = L->dir[d].op;
    load_index[d] = L->dir[d].rhs;
  }
  PetscCall(Collapse(nd, tabs, PETSC_FALSE, nk, a, &L->nk, L->s, form_index, forms));
  PetscCall(Collapse(nd, tabs, PETSC_TRUE, nm, l, &L->nm, L->t, load_index, loads));
  for (PetscInt d = 0; d < nd; d++) {
    SnaLsqDirection *D = &L->dir[d];
    SnaBasisInfo     info;
    PetscInt        *number;
    PetscCall(SnaBasisGetInfo(bases[d], &info));
    D->basis = bases[d];
    D->n     = info.n;
    D->p     = info.band;
    D->nrhs = D->nvec = loads[d].n;
    PetscCall(PetscMalloc1(forms[d].n, &number));
    PetscCall(CreateMatrices(&tabs[d], &forms[d], D, number));
    for (PetscInt k = 0; k < L->nk; k++) D->op[k] = number[D->op[k]];
    PetscCall(PetscFree(number));
    PetscCall(PetscMalloc1(PetscMax(1, D->nvec * D->n), &D->f));
    for (PetscInt v = 0; v < D->nvec; v++) PetscCall(Vector(D, &tabs[d], &loads[d].f[v], D->f + v * D->n));
    PetscCall(SnaLsqFunctionsDestroy_Private(&forms[d]));
    PetscCall(SnaLsqFunctionsDestroy_Private(&loads[d]));
  }
  PetscCall(AddEqualTerms(L));
  PetscCall(ListTerms(L, symmetric));
  if (!*symmetric) PetscCall(SnaLsqDestroy(&L));
  *lsq = L;
  PetscFunctionReturn(0);
}
