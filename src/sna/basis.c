// B-spline bases on uniform cells with clamped knots: values and derivatives.
//
// Everything is done in units of cells, s = cells*(x - lo)/(hi - lo), where the knots are the integers
// t_i = min(max(i - p, 0), cells).
//   values       B_{i,q}(s) = (s - t_i)/(t_{i+q} - t_i) B_{i,q-1} + (t_{i+q+1} - s)/(t_{i+q+1} - t_{i+1}) B_{i+1,q-1}
//   derivatives  B'_{i,q}   = q/(t_{i+q} - t_i) B_{i,q-1} - q/(t_{i+q+1} - t_{i+1}) B_{i+1,q-1}
// de Boor, A Practical Guide to Splines (1978), ch. IX-X. A term with a zero denominator is zero.
// Non-uniform knots are not provided.
#include <sna/sna.h>

#define MAX_DEGREE 5

struct SnaBasis_ {
  SnaBasisInfo info; // info.name points to `name`
  char        *name;
};

PetscErrorCode SnaBasisCreateBSpline(const char name[], PetscInt degree, PetscInt cells, double lo, double hi,
  PetscBool drop_first, PetscBool drop_last, SnaBasis *b)
{
  SnaBasis     basis;
  SnaBasisInfo info = {
    NULL, degree, cells, cells + degree - (drop_first ? 1 : 0) - (drop_last ? 1 : 0), drop_first, drop_last, lo, hi};

  PetscFunctionBeginUser;
  PetscCheck(degree >= 1 && degree <= MAX_DEGREE, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "Degree %" PetscInt_FMT " is not in 1..%d", degree, MAX_DEGREE);
  PetscCheck(cells >= 1, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " cells", cells);
  PetscCheck(
    hi > lo && hi - lo <= PETSC_MAX_REAL, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "Domain [%g, %g]", lo, hi);
  PetscCheck(info.n >= 1, PETSC_COMM_SELF, PETSC_ERR_ARG_INCOMP, "No function is left of direction %s", name);
  PetscCall(PetscNew(&basis));
  PetscCall(PetscStrallocpy(name, &basis->name));
  basis->info      = info;
  basis->info.name = basis->name;
  *b               = basis;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaBasisDestroy(SnaBasis *b)
{
  PetscFunctionBeginUser;
  if (!*b) PetscFunctionReturn(0);
  PetscCall(PetscFree((*b)->name));
  PetscCall(PetscFree(*b));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaBasisGetInfo(SnaBasis b, SnaBasisInfo *info)
{
  PetscFunctionBeginUser;
  *info = b->info;
  PetscFunctionReturn(0);
}

// v holds the q functions of degree q-1 that live on the cell; on return the q+1 functions of degree q.
// left[k] = s - t_{i-k}, right[k] = t_{i+1+k} - s for the knot interval [t_i, t_{i+1}] of s.
static void RaiseValues(PetscInt q, const double left[], const double right[], double v[])
{
  double carry = 0;

  for (PetscInt a = 0; a < q; a++) {
    const double share = v[a] / (right[a] + left[q - 1 - a]);

    v[a]  = carry + right[a] * share;
    carry = left[q - 1 - a] * share;
  }
  v[q] = carry;
}

// The same for derivatives: v holds m-th derivatives of degree q-1; on return (m+1)-th derivatives of degree q.
static void RaiseDerivatives(PetscInt q, const double left[], const double right[], double v[])
{
  double carry = 0;

  for (PetscInt a = 0; a < q; a++) {
    const double share = (double)q * v[a] / (right[a] + left[q - 1 - a]);

    v[a]  = carry - share;
    carry = share;
  }
  v[q] = carry;
}

PetscErrorCode SnaBasisEvaluate(SnaBasis b, double x, PetscInt order, PetscInt *first_full, double values[])
{
  const PetscInt p = b->info.degree, cells = b->info.cells;
  const double   length = b->info.hi - b->info.lo, s = (x - b->info.lo) / length * (double)cells;
  // Written so that NaN falls into the first cell instead of into an undefined conversion.
  const PetscInt cell = s > 0 ? (s < (double)(cells - 1) ? (PetscInt)s : cells - 1) : 0;
  double         left[MAX_DEGREE], right[MAX_DEGREE], v[MAX_DEGREE + 1], scale = 1;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < p; k++) {
    left[k]  = s - (double)PetscMax(cell - k, 0);
    right[k] = (double)PetscMin(cell + 1 + k, cells) - s;
  }
  *first_full = cell;
  for (PetscInt m = 0; m <= order; m++) {
    if (m <= p) {
      v[0] = 1;
      for (PetscInt q = 1; q <= p - m; q++) RaiseValues(q, left, right, v);
      for (PetscInt q = p - m + 1; q <= p; q++) RaiseDerivatives(q, left, right, v);
    }
    for (PetscInt a = 0; a <= p; a++) values[m * (p + 1) + a] = m <= p ? scale * v[a] : 0;
    scale *= (double)cells / length;
  }
  PetscFunctionReturn(0);
}
