// Uniform splines of one direction as the formats of SnaField need them: their values and derivatives at a block of points; and, on any basis,
// integrals of functions spanned by it,
//
//   G = C^T M C,  M_ij = int B_i B_j,        mass[c] = sum_ij (int_c B_i B_j) (C H C^T)_ij
//
// the second over the pieces that the bins and the cells of the basis make together, where splines are polynomials.
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
SNA_INLINE PetscInt WeightsOfPoint(
  SnaField f, const SnaFieldWeights *w, PetscInt d, const PetscInt p1, const int gradient, double x, double *weight)
{
  const double   s    = (x - f->info[d].lo) / w->length[d] * w->cells[d];
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
  return cell;
}

SNA_INLINE void WeightsOfDegree(SnaField f, const SnaFieldWeights *w, const PetscInt p1, const int gradient,
  PetscInt begin, PetscInt n, const double *const x[])
{
  double *weight = w->weight;

  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt d = 0; d < f->nd; d++, weight += (1 + gradient) * p1)
      w->row[i * f->nd + d] = WeightsOfPoint(f, w, d, p1, gradient, x[d][begin + i], weight);
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

PetscInt SnaFieldSplineWeights_Private(
  SnaField f, const SnaFieldWeights *w, PetscInt d, PetscBool gradient, double x, double weight[])
{
  return WeightsOfPoint(f, w, d, f->info[d].degree + 1, gradient ? 1 : 0, x, weight);
}

PetscErrorCode SnaFieldWeightsOfBlock_Private(
  SnaField f, const SnaFieldWeights *w, PetscBool gradient, PetscInt begin, PetscInt n, const double *const x[])
{
  PetscFunctionBeginUser;
  if (!w->uniform)
    PetscCall(SnaFieldGeneralOfBlock_Private(f, w, gradient, begin, n, x));
  else if (gradient)
    Weights(f, w, 1, begin, n, x);
  else
    Weights(f, w, 0, begin, n, x);
  PetscFunctionReturn(0);
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

PetscErrorCode SnaFieldWeightsCreate_Private(
  SnaField f, PetscInt block, const PetscInt modes[], const double *const leaf[], SnaFieldWeights *w)
{
  PetscFunctionBeginUser;
  w->uniform = PETSC_TRUE;
  w->p1      = 0;
  for (PetscInt d = 0; d < f->nd; d++) w->uniform = (PetscBool)(w->uniform && f->info[d].uniform);
  for (PetscInt d = 0; d < f->nd; d++) w->p1 = PetscMax(w->p1, f->info[d].degree + 1);
  PetscCheck(w->p1 <= SNA_MAX_P1, PETSC_COMM_SELF, PETSC_ERR_PLIB, "Degree %" PetscInt_FMT, w->p1 - 1);
  if (w->uniform) {
    for (PetscInt d = 0; d < f->nd; d++) {
      w->count[d]  = w->p1;
      w->pieces[d] = f->info[d].cells;
      w->first[d]  = f->info[d].drop_first;
      w->rows[d]   = f->info[d].cells + w->p1 - 1;
    }
  } else
    PetscCall(SnaFieldGeneralCreate_Private(f, modes, leaf, w));
  w->stride = 0;
  for (PetscInt d = 0; d < f->nd; d++) {
    const SnaBasisInfo *info = &f->info[d];

    w->begin[d] = w->stride;
    w->stride += w->count[d];
    w->length[d] = info->hi - info->lo;
    w->cells[d]  = (double)info->cells;
    w->scale[d]  = info->uniform ? w->cells[d] / w->length[d] : 1;
    if (!info->uniform) continue;
    const PetscInt entries = w->uniform ? w->p1 : info->degree + 1;

    PetscCall(PetscCalloc1((size_t)info->cells * (size_t)(info->degree + 1) * (size_t)entries, &w->shape[d]));
    PetscCall(TabulateShapes(f->basis[d], info, entries, w->shape[d]));
  }
  PetscCall(PetscMalloc2((size_t)block * (size_t)w->stride * 2, &w->weight, (size_t)block * (size_t)f->nd, &w->row));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldWeightsDestroy_Private(SnaField f, SnaFieldWeights *w)
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < f->nd; d++) PetscCall(PetscFree(w->shape[d]));
  for (PetscInt d = 0; d < f->nd; d++) PetscCall(PetscFree(w->index[d]));
  PetscCall(PetscFree(w->values));
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
  const PetscInt n = info.n, p = info.band;
  PetscCall(PetscMalloc2((size_t)n * (size_t)(2 * p + 1), &M, m, &MC));
  PetscCall(SnaTabulationCreate(b, info.points, 0, &t));
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

// P[i*(2p+1) + (j-i+p)] = (C H C^T)[i,j]: phi_j H_jk phi_k = sum_ij P_ij B_i B_j.
static PetscErrorCode BandProduct(PetscInt n, PetscInt p, PetscInt m, const double C[], const double H[], double P[])
{
  double *CH;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(m, &CH));
  PetscCall(PetscArrayzero(P, (size_t)n * (size_t)(2 * p + 1)));
  for (PetscInt i = 0; i < n; i++) {
    PetscCall(PetscArrayzero(CH, m));
    for (PetscInt r = 0; r < m; r++) {
      for (PetscInt s = 0; s < m; s++) CH[s] += C[i * m + r] * H[r * m + s];
    }
    for (PetscInt j = PetscMax(0, i - p); j <= PetscMin(n - 1, i + p); j++) {
      double product = 0;

      for (PetscInt r = 0; r < m; r++) product += CH[r] * C[j * m + r];
      P[i * (2 * p + 1) + (j - i + p)] = product;
    }
  }
  PetscCall(PetscFree(CH));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldBinMass_Private(
  SnaBasis basis, PetscInt m, const double C[], const double H[], PetscInt nbin, double mass[])
{
  SnaBasisInfo info;
  PetscInt     bin = 0, cell = 0;
  double      *P, *node, *weight, *values, left;

  PetscFunctionBeginUser;
  PetscCall(SnaBasisGetInfo(basis, &info));
  const PetscInt p = info.band, local = info.local;

  PetscCall(
    PetscMalloc4((size_t)info.n * (size_t)(2 * p + 1), &P, info.points, &node, info.points, &weight, local, &values));
  PetscCall(BandProduct(info.n, p, m, C, H, P));
  PetscCall(SnaGaussLegendre(info.points, node, weight));
  PetscCall(PetscArrayzero(mass, nbin));
  left = info.lo;
  while (bin < nbin && cell < info.cells) {
    const double end_bin  = info.lo + (info.hi - info.lo) * ((double)(bin + 1) / (double)nbin),
                 end_cell = SnaBasisCellStart(basis, cell + 1), right = PetscMin(end_bin, end_cell), h = right - left;

    for (PetscInt g = 0; h > 0 && g < info.points; g++) {
      const PetscInt *index;
      PetscInt        at;
      double          square = 0;

      PetscCall(SnaBasisEvaluate(basis, left + 0.5 * h * (1 + node[g]), 0, &at, values));
      PetscCall(SnaBasisGetIndex(basis, at, &index));
      for (PetscInt a = 0; a < local; a++) {
        const PetscInt i = index[a];

        for (PetscInt b = 0; i >= 0 && b < local; b++) {
          if (index[b] >= 0) square += P[i * (2 * p + 1) + (index[b] - i + p)] * values[a] * values[b];
        }
      }
      mass[bin] += 0.5 * h * weight[g] * square;
    }
    left = PetscMax(left, right);
    if (end_bin <= right) bin++;
    if (end_cell <= right) cell++;
  }
  PetscCall(PetscFree4(P, node, weight, values));
  PetscFunctionReturn(0);
}
