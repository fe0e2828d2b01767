// operator_merge.c - fewer states and transitions for the machine of A by exact linear dependence.
//
// The matrices of a direction are dependent: with zero ends M_{I,dd} = M_{dd,I} = -M_{d,d}, M_{I,d} = -M_{d,I}, M_{d,x} + M_{x,d} = -M_{I,I}. So are, then, the
// sums of products that the states of a cut stand for. With every table as a combination of a subset of independent ones (coordinates), states are vectors:
//
//   left part   v_to[from, j]  = sum of value * coordinate_j(table) over the transitions into state `to` of the cut after the site
//   right part  v_from[to, j]  = the same over the transitions out of state `from` of the cut before the site
//
// States whose vectors are combinations of others' go, from left to right by left parts, then from right to left by right parts; what remains are as many as the
// exact TT ranks of A. States are kept or dropped, never mixed, so the tables stay single and the transitions few (Hubig, McCulloch & Schollwoeck,
// Phys. Rev. B 95 (2017) 035129, "delinearisation"). At the end the tables between two states are written as one table where they can be.
#include "operator.h"
#include <petscblaslapack.h>

#define DEPENDENT  1e-12 // relative distance below which a vector is a combination of others
#define THRESHOLD  0.1   // of threshold pivoting
#define MAX_MERGED 256   // states of a cut; with more it stays as it is, for the sake of setup time

// Which of the vectors v[i*size ..] to keep so that all are combinations of them: kept[i] = number of i among the kept, or -1,
//   v_i = sum_{j<nkept} c[i*count + j] v_(j-th kept).
// Those that come first in `order` are kept, except that a vector close to the span of the kept ones waits until all that remain are within 1/THRESHOLD as close
// (Gram-Schmidt with threshold pivoting): taken at once it would make the coefficients large.
static PetscErrorCode Interpolate(
  PetscInt count, PetscInt size, const double v[], const PetscInt order[], PetscInt kept[], double c[], PetscInt *nkept)
{
  double      *q, *w, *R, *norm, *dot; // the j-th kept vector, scaled to length 1, is sum_{i<=j} R[i + j*count] q_i
  double       threshold = THRESHOLD, farthest;
  PetscBLASInt rows, n = 0, before;
  const PetscBLASInt one  = 1;
  const double       unit = 1, zero = 0, minus = -1;

  PetscFunctionBeginUser;
  PetscCall(PetscBLASIntCast(size, &rows));
  PetscCall(PetscMalloc3((size_t)count * (size_t)size, &q, (size_t)size, &w, (size_t)count, &dot));
  PetscCall(PetscMalloc2((size_t)count * (size_t)count, &R, (size_t)count, &norm));
  for (PetscInt i = 0; i < count; i++) kept[i] = -1;
  do { // the last pass keeps none: then all combinations are those of the final set
    before   = n;
    farthest = 0;
    for (PetscInt o = 0; o < count; o++) {
      const PetscInt i      = order[o];
      const double   length = BLASnrm2_(&rows, &v[i * size], &one);
      double         rest, *coefficient = &c[i * count];

      if (kept[i] >= 0) continue;
      PetscCall(PetscArrayzero(coefficient, (size_t)count));
      if (length == 0) continue;
      for (PetscInt s = 0; s < size; s++) w[s] = v[i * size + s] / length;
      for (int pass = 0; pass < 2 && n > 0; pass++) {
        PetscCallBLAS("dgemv", BLASgemv_("T", &rows, &n, &unit, q, &rows, w, &one, &zero, dot, &one));
        PetscCallBLAS("dgemv", BLASgemv_("N", &rows, &n, &minus, q, &rows, dot, &one, &unit, w, &one));
        for (PetscInt j = 0; j < n; j++) coefficient[j] += dot[j];
      }
      rest = BLASnrm2_(&rows, w, &one);
      if (rest > threshold) {
        for (PetscInt s = 0; s < size; s++) q[n * size + s] = w[s] / rest;
        for (PetscInt j = 0; j < n; j++) R[j + n * count] = coefficient[j];
        R[n + n * count] = rest;
        norm[n]          = length;
        kept[i]          = n++;
        PetscCall(PetscArrayzero(coefficient, (size_t)count));
        coefficient[kept[i]] = 1;
        continue;
      }
      farthest = PetscMax(farthest, rest);
      for (PetscInt j = n - 1; j >= 0; j--) {
        const double x = coefficient[j] / R[j + j * count];

        for (PetscInt l = 0; l < j; l++) coefficient[l] -= R[l + j * count] * x;
        coefficient[j] = PetscAbsReal(x) <= DEPENDENT ? 0 : x * length / norm[j];
      }
    }
    threshold = PetscMax(DEPENDENT, THRESHOLD * farthest);
  } while (n > before || farthest > DEPENDENT);
  *nkept = n;
  PetscCall(PetscFree3(q, w, dot));
  PetscCall(PetscFree2(R, norm));
  PetscFunctionReturn(0);
}

// The tables of one direction: table t = sum_{j<rank} coordinate[t*count + j] * (j-th table of a subset), the mass matrix first if it is among them.
typedef struct {
  PetscInt count, rank;
  PetscInt
    mass; // table that is a multiple of the mass matrix, or -1; it costs nothing in an orthonormal basis of functions
  double *coordinate;
} Span;

static PetscErrorCode SpanCreate(const SnaLsqDirection *D, Span *S)
{
  const PetscInt count = D->npair, size = D->n * (2 * D->p + 1), pair[] = {0, 1};
  SnaTabulation  tab;
  SnaBasisInfo   info;
  double        *v, c[4];
  PetscInt      *order, *kept, nkept = 0;

  PetscFunctionBeginUser;
  S->count = count;
  S->mass  = -1;
  PetscCall(PetscMalloc1((size_t)count * (size_t)count, &S->coordinate));
  PetscCall(PetscCalloc1((size_t)(count + 1) * (size_t)size, &v));
  PetscCall(PetscMalloc2((size_t)count + 1, &order, (size_t)count + 1, &kept));
  PetscCall(SnaBasisGetInfo(D->basis, &info));
  PetscCall(SnaTabulationCreate(D->basis, info.points, 0, &tab));
  PetscCall(SnaIntegrateMatrix(D->basis, &tab, 0, 0, NULL, v));
  PetscCall(SnaTabulationDestroy(&tab));
  for (PetscInt t = 0; t < count && S->mass < 0; t++) {
    PetscCall(PetscArraycpy(v + size, D->M[t], (size_t)size));
    PetscCall(Interpolate(2, size, v, pair, kept, c, &nkept));
    if (nkept == 1 && c[2] != 0) S->mass = t;
  }
  for (PetscInt t = 0; t < count; t++) {
    PetscCall(PetscArraycpy(v + t * size, D->M[t], (size_t)size));
    order[t] = t > S->mass ? t : t == 0 ? S->mass : t - 1;
  }
  PetscCall(Interpolate(count, size, v, order, kept, S->coordinate, &S->rank));
  PetscCall(PetscFree(v));
  PetscCall(PetscFree2(order, kept));
  PetscFunctionReturn(0);
}

// Replaces the states before (from) or after site k: state i becomes sum_{j<n} c[i*stride + j] (state column[j]), nothing where all are zero.
static PetscErrorCode ReplaceStates(
  SnaTtMachine *m, PetscInt k, PetscBool from, PetscInt n, const PetscInt column[], PetscInt stride, const double c[])
{
  SnaTtTransition *old      = m->trans[k], *t;
  PetscInt         count[2] = {0, 0};

  PetscFunctionBeginUser;
  for (int fill = 0; fill < 2; fill++) {
    if (fill) PetscCall(PetscMalloc1((size_t)count[0], &t));
    for (PetscInt i = 0; i < m->ntrans[k]; i++) {
      for (PetscInt j = 0; j < n; j++) {
        const double x = c[(from ? old[i].from : old[i].to) * stride + j];

        if (x == 0) continue;
        if (fill) {
          t[count[1]] = old[i];
          t[count[1]].value *= x;
          *(from ? &t[count[1]].from : &t[count[1]].to) = column[j];
        }
        count[fill]++;
      }
    }
  }
  PetscCall(PetscFree(old));
  m->trans[k]  = t;
  m->ntrans[k] = count[1];
  PetscCall(SnaTtMachineTidy_Private(m, k));
  PetscFunctionReturn(0);
}

// Drops states of the cut after site k by their left parts (left), or of the cut before it by their right parts.
static PetscErrorCode MergeCut(SnaTtMachine *m, PetscInt k, PetscBool left, const Span *span)
{
  const PetscInt cut = left ? k + 1 : k, beyond = left ? k + 1 : k - 1, ns = m->nstate[cut];
  const PetscInt size = m->nstate[left ? k : k + 1] * span->rank;
  double        *v, *magnitude, *c, *identity;
  PetscInt      *order, *key, *kept, *column, nkept, count = 0;

  PetscFunctionBeginUser;
  if (ns == 0 || size == 0 || ns > MAX_MERGED) PetscFunctionReturn(0);
  PetscCall(PetscCalloc2((size_t)ns * (size_t)size, &v, (size_t)ns * (size_t)size, &magnitude));
  PetscCall(PetscCalloc2((size_t)ns * (size_t)ns, &c, (size_t)ns * (size_t)ns, &identity));
  PetscCall(PetscCalloc4((size_t)ns, &order, (size_t)ns, &key, (size_t)ns, &kept, (size_t)ns, &column));
  for (PetscInt i = 0; i < m->ntrans[k]; i++) {
    const SnaTtTransition *t  = &m->trans[k][i];
    const PetscInt         at = (left ? t->to : t->from) * size + (left ? t->from : t->to) * span->rank;

    for (PetscInt j = 0; j < span->rank; j++) {
      const double x = t->value * span->coordinate[t->table * span->count + j];

      v[at + j] += x;
      magnitude[at + j] += PetscAbsReal(x);
    }
  }
  for (PetscInt i = 0; i < ns * size; i++)
    if (PetscAbsReal(v[i]) <= DEPENDENT * magnitude[i]) v[i] = 0;
  // The transitions beyond the cut of a dropped state are repeated for every state of its combination: states with many of them are kept first.
  for (PetscInt i = 0; i < m->ntrans[beyond]; i++) key[left ? m->trans[beyond][i].from : m->trans[beyond][i].to] -= ns;
  for (PetscInt i = 0; i < ns; i++) {
    order[i] = i;
    key[i] += i; // no ties
  }
  PetscCall(PetscSortIntWithArray(ns, key, order));
  PetscCall(Interpolate(ns, size, v, order, kept, c, &nkept));
  for (PetscInt i = 0; i < ns; i++) {
    if (kept[i] < 0) continue;
    column[kept[i]]            = count++;
    identity[i * ns + kept[i]] = 1;
  }
  if (nkept < ns) {
    PetscCall(ReplaceStates(m, k, (PetscBool)!left, nkept, column, ns, identity));
    PetscCall(ReplaceStates(m, beyond, left, nkept, column, ns, c));
    m->nstate[cut] = nkept;
  }
  PetscCall(PetscFree2(v, magnitude));
  PetscCall(PetscFree2(c, identity));
  PetscCall(PetscFree4(order, key, kept, column));
  PetscFunctionReturn(0);
}

// The first table a with  w = factor * table a + rest * mass matrix,  w in coordinates with round-off of size `largest`; -1: there is none.
static PetscInt FindTable(const Span *span, const double w[], double largest, double *factor, double *rest)
{
  const PetscInt first = span->mass >= 0 ? 1 : 0; // coordinate 0 is that of the mass matrix

  for (PetscInt a = 0; a < span->count; a++) {
    const double *c          = &span->coordinate[a * span->count];
    PetscInt      pivot      = first;
    double        difference = 0;

    for (PetscInt j = first; j < span->rank; j++)
      if (PetscAbsReal(c[j]) > PetscAbsReal(c[pivot])) pivot = j;
    if (pivot >= span->rank || c[pivot] == 0) continue;
    *factor = w[pivot] / c[pivot];
    *rest   = first ? w[0] - *factor * c[0] : 0;
    for (PetscInt j = first; j < span->rank; j++)
      difference = PetscMax(difference, PetscAbsReal(w[j] - *factor * c[j]));
    if (difference > DEPENDENT * largest) continue;
    if (PetscAbsReal(*factor) <= DEPENDENT * largest) *factor = 0;
    if (PetscAbsReal(*rest) <= DEPENDENT * largest) *rest = 0;
    return a;
  }
  return -1;
}

// Several matrices between two states of site k become one (and a multiple of the mass matrix) where their sum is one.
static PetscErrorCode MergeTables(SnaTtMachine *m, PetscInt k, const Span *span)
{
  SnaTtTransition *t = m->trans[k];
  double          *w;
  PetscInt         n = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)span->rank, &w));
  for (PetscInt i = 0, next; i < m->ntrans[k]; i = next) {
    const PetscInt from = t[i].from, to = t[i].to;
    PetscInt       matrices = 0, table = -1;
    double         largest = 0, factor = 0, rest = 0;

    PetscCall(PetscArrayzero(w, (size_t)span->rank));
    for (next = i; next < m->ntrans[k] && t[next].from == from && t[next].to == to; next++) {
      matrices += t[next].table != span->mass;
      for (PetscInt j = 0; j < span->rank; j++) {
        const double x = t[next].value * span->coordinate[t[next].table * span->count + j];

        w[j] += x;
        largest = PetscMax(largest, PetscAbsReal(x));
      }
    }
    if (matrices >= 2) table = FindTable(span, w, largest, &factor, &rest);
    if (table >= 0) {
      if (factor != 0) t[n++] = (SnaTtTransition){from, to, table, factor};
      if (rest != 0) t[n++] = (SnaTtTransition){from, to, span->mass, rest};
    } else {
      for (PetscInt l = i; l < next; l++) t[n++] = t[l];
    }
  }
  m->ntrans[k] = n;
  PetscCall(SnaTtMachineTidy_Private(m, k));
  PetscCall(PetscFree(w));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtMachineMerge_Private(SnaLsq lsq, const PetscInt dir[], SnaTtMachine *A)
{
  const PetscInt nd = lsq->nd;
  Span           span[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < nd; k++) PetscCall(SpanCreate(&lsq->dir[dir[k]], &span[k]));
  for (PetscInt k = 0; k < nd - 1; k++) PetscCall(MergeCut(A, k, PETSC_TRUE, &span[k]));
  for (PetscInt k = nd - 1; k > 0; k--) PetscCall(MergeCut(A, k, PETSC_FALSE, &span[k]));
  for (PetscInt k = 0; k < nd; k++) {
    PetscCall(MergeTables(A, k, &span[k]));
    PetscCall(PetscFree(span[k].coordinate));
  }
  PetscFunctionReturn(0);
}
