// Splines of one direction as the formats of SnaField need them: their values and derivatives at a block of points, and
// integrals of functions spanned by them,
//
//   G = C^T M C,  M_ij = int B_i B_j,        mass[c] = sum_ab (int_c B_a B_b) C[a,:] H C[b,:]^T
//
// On a cell a spline is a polynomial; its Taylor coefficients about the midpoint are tabulated once, and Horner's
// rule gives a value in p multiplications (the recurrence of SnaBasisEvaluate takes p^2).
// Not done here: derivatives above the first.
#include "field_impl.h"

PetscErrorCode SnaVectorCalloc(size_t vectors, SnaVector **v, char **memory)
{
  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1((vectors + 1) * sizeof(SnaVector), memory));
  *v = (SnaVector *)(((uintptr_t)*memory + sizeof(SnaVector) - 1) / sizeof(SnaVector) * sizeof(SnaVector));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Weights
// ---------------------------------------------------------------------------------------------------------------------
SNA_INLINE void WeightsOfDegree(SnaField f, const SnaFieldWeights *w, const PetscInt p1, const int gradient,
  PetscInt begin, PetscInt n, const double *const x[])
{
  double *weight = w->weight;

  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt d = 0; d < f->nd; d++, weight += (1 + gradient) * p1) {
      const double   s    = (x[d][begin + i] - f->info[d].lo) / w->length[d] * w->cells[d];
      const PetscInt last = f->info[d].cells - 1, p = f->info[d].degree;
      // NaN falls into the first cell instead of into an undefined conversion.
      const PetscInt cell  = s > 0 ? (s < (double)last ? (PetscInt)s : last) : 0;
      const double   t     = s - (double)cell - 0.5;
      const double  *shape = w->shape[d] + (cell * (p + 1) + p) * p1;

      double value[SNA_MAX_P1], slope[SNA_MAX_P1];

      for (PetscInt a = 0; a < p1; a++) {
        value[a] = shape[a];
        slope[a] = 0;
      }
      for (PetscInt m = 0; m < p; m++) {
        shape -= p1;
        for (PetscInt a = 0; a < p1; a++) {
          if (gradient) slope[a] = slope[a] * t + value[a];
          value[a] = value[a] * t + shape[a];
        }
      }
      for (PetscInt a = 0; a < p1; a++) weight[a] = value[a];
      for (PetscInt a = 0; gradient && a < p1; a++) weight[p1 + a] = slope[a];
      w->row[i * f->nd + d] = cell;
    }
  }
}

SNA_INLINE void Weights(
  SnaField f, const SnaFieldWeights *w, const int gradient, PetscInt begin, PetscInt n, const double *const x[])
{
  switch (w->p1) {
  case 2:
    WeightsOfDegree(f, w, 2, gradient, begin, n, x);
    break;
  case 3:
    WeightsOfDegree(f, w, 3, gradient, begin, n, x);
    break;
  case 4:
    WeightsOfDegree(f, w, 4, gradient, begin, n, x);
    break;
  case 5:
    WeightsOfDegree(f, w, 5, gradient, begin, n, x);
    break;
  default:
    WeightsOfDegree(f, w, SNA_MAX_P1, gradient, begin, n, x);
    break;
  }
}

void SnaFieldWeightsOfBlock_Private(
  SnaField f, const SnaFieldWeights *w, PetscBool gradient, PetscInt begin, PetscInt n, const double *const x[])
{
  if (gradient)
    Weights(f, w, 1, begin, n, x);
  else
    Weights(f, w, 0, begin, n, x);
}

// Taylor coefficients about the midpoints of the cells.
static PetscErrorCode TabulateShapes(SnaBasis b, const SnaBasisInfo *info, PetscInt p1, double shape[])
{
  const PetscInt p      = info->degree;
  const double   length = info->hi - info->lo;
  double         values[SNA_MAX_P1 * SNA_MAX_P1];
  PetscInt       first;

  PetscFunctionBeginUser;
  for (PetscInt c = 0; c < info->cells; c++) {
    double scale = 1; // cell width^m / m!

    PetscCall(SnaBasisEvaluate(b, info->lo + length * ((double)c + 0.5) / (double)info->cells, p, &first, values));
    for (PetscInt m = 0; m <= p; m++) {
      for (PetscInt a = 0; a <= p; a++) shape[(c * (p + 1) + m) * p1 + a] = scale * values[m * (p + 1) + a];
      scale *= length / (double)info->cells / (double)(m + 1);
    }
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldWeightsCreate_Private(SnaField f, PetscInt block, SnaFieldWeights *w)
{
  PetscFunctionBeginUser;
  w->p1 = 0;
  for (PetscInt d = 0; d < f->nd; d++) w->p1 = PetscMax(w->p1, f->info[d].degree + 1);
  PetscCheck(w->p1 <= SNA_MAX_P1, PETSC_COMM_SELF, PETSC_ERR_PLIB, "Degree %" PetscInt_FMT, w->p1 - 1);
  PetscCall(PetscMalloc2(
    (size_t)block * (size_t)f->nd * 2 * (size_t)w->p1, &w->weight, (size_t)block * (size_t)f->nd, &w->row));
  for (PetscInt d = 0; d < f->nd; d++) {
    const SnaBasisInfo *info = &f->info[d];

    w->length[d] = info->hi - info->lo;
    w->cells[d]  = (double)info->cells;
    PetscCall(PetscCalloc1((size_t)info->cells * (size_t)(info->degree + 1) * (size_t)w->p1, &w->shape[d]));
    PetscCall(TabulateShapes(f->basis[d], info, w->p1, w->shape[d]));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldWeightsDestroy_Private(SnaField f, SnaFieldWeights *w)
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < f->nd; d++) PetscCall(PetscFree(w->shape[d]));
  PetscCall(PetscFree2(w->weight, w->row));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Integrals
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode SnaFieldGram_Private(SnaBasis b, PetscInt m, const double C[], double G[])
{
  SnaBasisInfo  info;
  SnaTabulation t;
  double       *M, *MC;

  PetscFunctionBeginUser;
  PetscCall(SnaBasisGetInfo(b, &info));
  const PetscInt n = info.n, p = info.degree;
  PetscCall(PetscMalloc2((size_t)n * (size_t)(2 * p + 1), &M, m, &MC));
  PetscCall(SnaTabulationCreate(b, p + 1, 0, &t));
  PetscCall(SnaIntegrateMatrix(b, &t, 0, 0, NULL, M));
  PetscCall(SnaTabulationDestroy(&t));
  PetscCall(PetscArrayzero(G, (size_t)m * (size_t)m));
  for (PetscInt i = 0; i < n; i++) {
    PetscCall(PetscArrayzero(MC, m));
    for (PetscInt j = PetscMax(0, i - p); j <= PetscMin(n - 1, i + p); j++) {
      for (PetscInt s = 0; s < m; s++) MC[s] += M[i * (2 * p + 1) + (j - i + p)] * C[j * m + s];
    }
    for (PetscInt r = 0; r < m; r++) {
      for (PetscInt s = 0; s < m; s++) G[r * m + s] += C[i * m + r] * MC[s];
    }
  }
  PetscCall(PetscFree2(M, MC));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldCellMass_Private(SnaBasis basis, PetscInt m, const double C[], const double H[], double mass[])
{
  SnaBasisInfo  info;
  SnaTabulation t;
  double       *CH;

  PetscFunctionBeginUser;
  PetscCall(SnaBasisGetInfo(basis, &info));
  const PetscInt n = info.n, p1 = info.degree + 1, shift = info.drop_first ? 1 : 0;
  PetscCall(PetscCalloc1((size_t)n * (size_t)m, &CH));
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt r = 0; r < m; r++) {
      for (PetscInt s = 0; s < m; s++) CH[i * m + s] += C[i * m + r] * H[r * m + s];
    }
  }
  PetscCall(SnaTabulationCreate(basis, p1, 0, &t));
  for (PetscInt c = 0; c < info.cells; c++) {
    mass[c] = 0;
    for (PetscInt a = PetscMax(0, shift - c); a < p1 && c + a - shift < n; a++) {
      for (PetscInt b = PetscMax(0, shift - c); b < p1 && c + b - shift < n; b++) {
        double integral = 0, product = 0;

        for (PetscInt q = c * p1; q < (c + 1) * p1; q++)
          integral += t.w[q] * t.values[q * p1 + a] * t.values[q * p1 + b];
        for (PetscInt r = 0; r < m; r++) product += CH[(c + a - shift) * m + r] * C[(c + b - shift) * m + r];
        mass[c] += integral * product;
      }
    }
  }
  PetscCall(SnaTabulationDestroy(&t));
  PetscCall(PetscFree(CH));
  PetscFunctionReturn(0);
}
