// vsna_section.c - a separable field at fixed values of its parameters: coefficients on the full tensor product of bases of the other directions.
//
// The factors of a parameter are evaluated and multiplied away; those of the other directions are prolonged to the section's bases (the L2 projection,
// exact where the spaces are nested) and multiplied out: sum_r prod_d C_d[i_d, r], or the chain of a train's matrices. One number per unknown: for
// sizes that a direct solver takes.
#include "vsna.h"

PetscBool VsnaIsParameter(const Vsna *v, PetscInt d)
{
  for (PetscInt k = 0; k < v->term.n; k++)
    if (v->term.term[k].derivative[d] > 0 || v->term.term[k].outer[d] > 0) return PETSC_FALSE;
  return PETSC_TRUE;
}

// P = M^{-1} X, X_ij = int B_i (field's B_j): the L2 projection, exact where the spaces are nested.
PetscErrorCode VsnaProlongation(SnaBasis from, SnaBasis to, const SnaTabulation *tab, double **P)
{
  SnaTtSpace    space;
  SnaKron       mass;
  SnaBasisInfo  a, b;
  const double *M, one = 1, *const W[1] = {&one};
  double   *values, *local, *f;
  PetscBool failed;

  PetscFunctionBeginUser;
  PetscCall(SnaBasisGetInfo(from, &a));
  PetscCall(SnaBasisGetInfo(to, &b));
  PetscCall(SnaTtSpaceCreate(1, &to, &space));
  PetscCall(SnaKronCreate(PETSC_COMM_SELF, b.n, b.band, 1, "vsna_mass_", &mass));
  M = space->mass[0];
  PetscCall(SnaKronSetTerms(mass, 1, &M, W, 1, 0));
  PetscCall(PetscMalloc1((size_t)a.n * (size_t)b.n, P));
  PetscCall(PetscMalloc2(a.local, &local, b.n, &f));
  PetscCall(PetscCalloc1((size_t)a.n * (size_t)tab->nq, &values));
  for (PetscInt q = 0; q < tab->nq; q++) {
    PetscInt        cell;
    const PetscInt *index;
    PetscCall(SnaBasisEvaluate(from, tab->x[q], 0, &cell, local));
    PetscCall(SnaBasisGetIndex(from, cell, &index));
    for (PetscInt c = 0; c < a.local; c++)
      if (index[c] >= 0) values[index[c] * tab->nq + q] = local[c];
  }
  for (PetscInt j = 0; j < a.n; j++) {
    PetscCall(SnaIntegrateVector(to, tab, 0, values + j * tab->nq, f));
    PetscCall(SnaKronSolve(mass, f, f, &failed));
    PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_PLIB, "the mass matrix of %s is not positive definite", b.name);
    for (PetscInt i = 0; i < b.n; i++) (*P)[i * a.n + j] = f[i];
  }
  PetscCall(PetscFree2(local, f));
  PetscCall(PetscFree(values));
  PetscCall(SnaKronDestroy(&mass));
  PetscCall(SnaTtSpaceDestroy(&space));
  PetscFunctionReturn(0);
}

// rows x m numbers for m functions C (n x m of the field's basis of direction d): a parameter's row of values at the sample, or coefficients on the solve's basis.
static PetscErrorCode Restrict(const VsnaSection *s, const VsnaLevel *level, PetscInt d, PetscBool parameter,
  PetscInt m, const double *C, PetscInt *rows, double **out)
{
  SnaBasisInfo from, to;

  PetscFunctionBeginUser;
  PetscCall(SnaBasisGetInfo(level->tt.bases[d], &from));
  PetscCall(SnaBasisGetInfo(s->at.tt.bases[d], &to));
  *rows = parameter ? 1 : to.n;
  PetscCall(PetscCalloc1((size_t)*rows * (size_t)m, out));
  if (parameter) {
    const PetscInt *index;
    PetscInt        cell;
    double         *local;
    PetscCall(PetscMalloc1(from.local, &local));
    PetscCall(SnaBasisEvaluate(level->tt.bases[d], s->at.tab[d].x[0], 0, &cell, local));
    PetscCall(SnaBasisGetIndex(level->tt.bases[d], cell, &index));
    for (PetscInt a = 0; a < from.local; a++)
      for (PetscInt j = 0; j < m && index[a] >= 0; j++) (*out)[j] += local[a] * C[index[a] * m + j];
    PetscCall(PetscFree(local));
  } else if (s->P[d]) {
    for (PetscInt i = 0; i < to.n; i++)
      for (PetscInt c = 0; c < from.n; c++)
        for (PetscInt j = 0; j < m; j++) (*out)[i * m + j] += s->P[d][i * from.n + c] * C[c * m + j];
  } else
    PetscCall(PetscArraycpy(*out, C, (size_t)to.n * (size_t)m));
  PetscFunctionReturn(0);
}

static PetscErrorCode ContractCP(const VsnaSection *s, const Vsna *v, double x[])
{
  PetscInt R, size = 1;
  double  *C[SNA_MAX_DIM], *T, *next, *f;

  PetscFunctionBeginUser;
  PetscCall(SnaFieldGetCP(v->field, &R, C));
  PetscCall(PetscMalloc1(R, &T));
  for (PetscInt r = 0; r < R; r++) T[r] = 1;
  for (PetscInt pass = 0; pass < 2; pass++) { // the parameters first: they do not make T longer
    for (PetscInt k = 0; k < (pass ? s->nspace : s->nparameter); k++) {
      const PetscInt d = pass ? s->space[k] : s->parameter[k];
      PetscInt       rows;
      PetscCall(Restrict(s, v->field_level, d, (PetscBool)(pass == 0), R, C[d], &rows, &f));
      PetscCall(PetscMalloc1((size_t)size * (size_t)rows * (size_t)R, &next));
      for (PetscInt i = 0; i < size; i++)
        for (PetscInt j = 0; j < rows; j++)
          for (PetscInt r = 0; r < R; r++) next[(i * rows + j) * R + r] = T[i * R + r] * f[j * R + r];
      size *= rows;
      PetscCall(PetscFree(T));
      PetscCall(PetscFree(f));
      PetscCall(PetscFree(C[d]));
      T = next;
    }
  }
  for (PetscInt i = 0; i < size; i++) {
    x[i] = 0;
    for (PetscInt r = 0; r < R; r++) x[i] += T[i * R + r];
  }
  PetscCall(PetscFree(T));
  PetscFunctionReturn(0);
}

static PetscErrorCode ContractTT(const VsnaSection *s, const Vsna *v, double x[])
{
  SnaTt    tt;
  PetscInt size = 1;
  double  *T, *next, *f;

  PetscFunctionBeginUser;
  PetscCall(SnaFieldGetTT(v->field, &tt));
  PetscCall(PetscMalloc1(1, &T));
  T[0] = 1;
  for (PetscInt k = 0; k < tt->nd; k++) {
    const PetscInt d = tt->dir[k], m = tt->m[k], r = tt->r[k], q = tt->r[k + 1];
    PetscInt       rows;
    double        *identity = NULL, *G;
    if (!tt->leaf[k]) {
      PetscCall(PetscCalloc1((size_t)m * (size_t)m, &identity));
      for (PetscInt i = 0; i < m; i++) identity[i * m + i] = 1;
    }
    PetscCall(Restrict(s, v->field_level, d, VsnaIsParameter(v, d), m, identity ? identity : tt->leaf[k], &rows, &f));
    PetscCall(PetscFree(identity));
    PetscCall(PetscMalloc1((size_t)r * (size_t)q, &G));
    PetscCall(PetscCalloc1((size_t)size * (size_t)rows * (size_t)q, &next));
    for (PetscInt j = 0; j < rows; j++) { // the site's matrix for the j-th function, then T times it
      PetscCall(PetscArrayzero(G, (size_t)r * (size_t)q));
      for (PetscInt c = 0; c < m; c++)
        for (PetscInt i = 0; i < r * q; i++) G[i] += f[j * m + c] * tt->core[k][c * r * q + i];
      for (PetscInt i = 0; i < size; i++)
        for (PetscInt b = 0; b < q; b++)
          for (PetscInt a = 0; a < r; a++) next[(i * rows + j) * q + b] += T[i * r + a] * G[a + r * b];
    }
    size *= rows;
    PetscCall(PetscFree(G));
    PetscCall(PetscFree(f));
    PetscCall(PetscFree(T));
    T = next;
  }
  PetscCall(PetscArraycpy(x, T, size));
  PetscCall(PetscFree(T));
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaSectionOfField(const Vsna *v, const VsnaSection *s, double x[])
{
  const char *format;
  PetscBool   train;

  PetscFunctionBeginUser;
  PetscCall(SnaFieldGetFormat(v->field, &format));
  PetscCall(PetscStrcmp(format, VsnaFormatTT.name, &train));
  PetscCall((train ? ContractTT : ContractCP)(s, v, x));
  PetscFunctionReturn(0);
}
