// Composite Gauss-Legendre quadrature and the 1-D integrals of products of basis functions.
//
// A rule with g points in each cell integrates piecewise polynomials of degree 2g-1 exactly, so p+1 points give exact
// mass, stiffness and mixed matrices of degree p; coefficients and data that are no polynomials need more.
// Nodes: roots of the Legendre polynomial by Newton's method from Tricomi's estimate; weights 2/((1-x^2) P_n'(x)^2)
// (Abramowitz & Stegun 25.4.29; Hale & Townsend, SIAM J. Sci. Comput. 35 (2013) A652, sec. 2).
#include <sna/sna.h>

PetscErrorCode SnaGaussLegendre(PetscInt n, double x[], double w[])
{
  PetscFunctionBeginUser;
  PetscCheck(n >= 1, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "A rule of %" PetscInt_FMT " points", n);
  for (PetscInt i = 0; i < (n + 1) / 2; i++) {
    const double nn    = (double)n;
    const double theta = PETSC_PI * (4 * (double)i + 3) / (4 * nn + 2);
    double z = 2 * i + 1 == n ? 0 : (1 - (nn - 1) / (8 * nn * nn * nn)) * PetscCosReal(theta), slope = 1, step = 1;

    // Convergence is quadratic: the step after one below 1e-9 would be below round-off, so the slope is evaluated
    // once more and that is all.
    for (PetscBool last = PETSC_FALSE;; z -= step) {
      double p0 = 1, p1 = z;

      for (PetscInt k = 2; k <= n; k++) {
        const double p2 = ((2 * (double)k - 1) * z * p1 - ((double)k - 1) * p0) / (double)k;

        p0 = p1;
        p1 = p2;
      }
      slope = nn * (z * p1 - p0) / (z * z - 1);
      step  = p1 / slope;
      if (last) break;
      last = (PetscBool)(PetscAbsReal(step) < 1e-9);
    }
    x[i]         = -z;
    x[n - 1 - i] = z;
    w[i] = w[n - 1 - i] = 2 / ((1 - z * z) * slope * slope);
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTabulationCreate(SnaBasis b, PetscInt per_cell, PetscInt order, SnaTabulation *t)
{
  SnaBasisInfo info;
  double      *node, *weight, *local;

  PetscFunctionBeginUser;
  PetscCall(SnaBasisGetInfo(b, &info));
  PetscCheck(order >= 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "Derivatives up to %" PetscInt_FMT, order);
  const PetscInt p1 = info.local;

  t->nq       = info.cells * per_cell;
  t->per_cell = per_cell;
  t->order    = order;
  PetscCall(PetscMalloc3(per_cell, &node, per_cell, &weight, (size_t)(order + 1) * (size_t)p1, &local));
  PetscCall(SnaGaussLegendre(per_cell, node, weight));
  PetscCall(PetscMalloc3(t->nq, &t->x, t->nq, &t->w, (size_t)(order + 1) * (size_t)t->nq * (size_t)p1, &t->values));
  for (PetscInt c = 0; c < info.cells; c++) {
    const double start = SnaBasisCellStart(b, c);
    const double h     = info.uniform ? (info.hi - info.lo) / (double)info.cells : SnaBasisCellStart(b, c + 1) - start;

    for (PetscInt g = 0; g < per_cell; g++) {
      const PetscInt q = c * per_cell + g;
      PetscInt       first;

      t->x[q] = info.uniform ? info.lo + h * ((double)c + 0.5 * (1 + node[g])) : start + h * 0.5 * (1 + node[g]);
      t->w[q] = 0.5 * h * weight[g];
      PetscCall(SnaBasisEvaluate(b, t->x[q], order, &first, local));
      PetscCheck(first == c, PETSC_COMM_SELF, PETSC_ERR_PLIB,
        "Cell %" PetscInt_FMT " of direction %s is too narrow for double precision", c, info.name);
      for (PetscInt m = 0; m <= order; m++) {
        for (PetscInt a = 0; a < p1; a++) t->values[(m * t->nq + q) * p1 + a] = local[m * p1 + a];
      }
    }
  }
  PetscCall(PetscFree3(node, weight, local));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTabulationDestroy(SnaTabulation *t)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree3(t->x, t->w, t->values));
  PetscCall(PetscMemzero(t, sizeof(*t)));
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckTabulation(const SnaBasisInfo *info, const SnaTabulation *t, PetscInt order)
{
  PetscFunctionBeginUser;
  PetscCheck(t->nq == info->cells * t->per_cell, PETSC_COMM_SELF, PETSC_ERR_ARG_INCOMP,
    "The tabulation is of another basis than %s", info->name);
  PetscCheck(order >= 0 && order <= t->order, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "Derivative %" PetscInt_FMT " of direction %s is not tabulated", order, info->name);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaIntegrateMatrix(
  SnaBasis b, const SnaTabulation *t, PetscInt order_a, PetscInt order_b, const double g[], double M[])
{
  SnaBasisInfo info;

  PetscFunctionBeginUser;
  PetscCall(SnaBasisGetInfo(b, &info));
  PetscCall(CheckTabulation(&info, t, PetscMin(order_a, order_b)));
  PetscCall(CheckTabulation(&info, t, PetscMax(order_a, order_b)));
  const PetscInt p = info.band, p1 = info.local;
  const double  *A = t->values + (size_t)order_a * (size_t)t->nq * (size_t)p1;
  const double  *B = t->values + (size_t)order_b * (size_t)t->nq * (size_t)p1;

  PetscCall(PetscArrayzero(M, (size_t)info.n * (size_t)(2 * p + 1)));
  for (PetscInt q = 0; q < t->nq; q++) {
    const double    weight = g ? t->w[q] * g[q] : t->w[q];
    const PetscInt *index;

    PetscCall(SnaBasisGetIndex(b, q / t->per_cell, &index));
    for (PetscInt a = 0; a < p1; a++) {
      const PetscInt i = index[a];

      if (i < 0) continue;
      for (PetscInt c = 0; c < p1; c++) {
        const PetscInt j = index[c];

        if (j >= 0) M[i * (2 * p + 1) + (j - i + p)] += weight * A[q * p1 + a] * B[q * p1 + c];
      }
    }
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaIntegrateVector(SnaBasis b, const SnaTabulation *t, PetscInt order_a, const double g[], double f[])
{
  SnaBasisInfo info;

  PetscFunctionBeginUser;
  PetscCall(SnaBasisGetInfo(b, &info));
  PetscCall(CheckTabulation(&info, t, order_a));
  const PetscInt p1 = info.local;
  const double  *A  = t->values + (size_t)order_a * (size_t)t->nq * (size_t)p1;

  PetscCall(PetscArrayzero(f, info.n));
  for (PetscInt q = 0; q < t->nq; q++) {
    const double    weight = g ? t->w[q] * g[q] : t->w[q];
    const PetscInt *index;

    PetscCall(SnaBasisGetIndex(b, q / t->per_cell, &index));
    for (PetscInt a = 0; a < p1; a++) {
      const PetscInt i = index[a];

      if (i >= 0) f[i] += weight * A[q * p1 + a];
    }
  }
  PetscFunctionReturn(0);
}
