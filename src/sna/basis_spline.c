// basis_spline.c - B-spline bases: values and derivatives on uniform and graded knots.
//
//   values       B_{i,q}(s) = (s - t_i)/(t_{i+q} - t_i) B_{i,q-1} + (t_{i+q+1} - s)/(t_{i+q+1} - t_{i+1}) B_{i+1,q-1}
//   derivatives  B'_{i,q}   = q/(t_{i+q} - t_i) B_{i,q-1} - q/(t_{i+q+1} - t_{i+1}) B_{i+1,q-1}
// de Boor, A Practical Guide to Splines (1978), ch. IX-X. A term with a zero denominator is zero. On uniform cells everything is done in units of cells,
// s = cells*(x - lo)/(hi - lo), where the clamped knots are the integers t_i = min(max(i - p, 0), cells).
//
// Conditions: of the functions with clamped knots only the first has a value at lo, only the first two have a slope there. Dirichlet drops the first, clamped
// both; Neumann and Robin keep the second plus the multiple of the first that makes the condition L true, N = (L(B_0) B_1 - L(B_1) B_0) / max|L|.
// The same at hi. Periodic: the knots go on with the period, and functions that are a period apart are one.
#include "basis_impl.h"

#define MAX_DEGREE 5
// Inlined into each caller: which products are fused with which sums, and so the last bits on uniform cells, does not depend on who else calls.
#define INLINE static inline __attribute__((always_inline))
#define NARROW 1e-12

typedef struct {
  PetscInt raw;  // functions before conditions
  double  *knot; // raw + p + 1; periodic: raw + 2p + 1
  PetscInt *
    span; // cells: a cell is [knot[span], knot[span + 1]], its functions are span - p .. span (modulo raw where periodic)
  PetscInt kept[2];            // function that a Neumann or Robin end keeps; -1: none
  double   own[2], dropped[2]; // its weight and that of the dropped neighbour
  double  *centre;             // n: means of the inner knots of each function (Greville)
} Spline;

static PetscBool IsPeriodic(const SnaEnd end[2])
{
  return (PetscBool)(end[0].kind == SNA_END_PERIODIC);
}

static PetscBool IsMixed(SnaEnd end)
{
  return (PetscBool)(end.kind == SNA_END_NEUMANN || end.kind == SNA_END_ROBIN);
}

static PetscInt Dropped(SnaEnd end)
{
  return end.kind == SNA_END_CLAMPED ? 2 : end.kind == SNA_END_FREE || end.kind == SNA_END_PERIODIC ? 0 : 1;
}

// Inner break points that are repeated divide the domain into pieces, of which every grading has all. extra: repetitions.
static void CountBreaks(const SnaBasisSpec *spec, PetscInt *cells, PetscInt *pieces, PetscInt *extra)
{
  *cells  = 0;
  *extra  = 0;
  *pieces = 1;
  for (PetscInt i = 1; i < spec->nbreak; i++) {
    const double *x = spec->breakpoint + i;

    if (x[0] > x[-1])
      (*cells)++;
    else {
      (*extra)++;
      *pieces += i == 1 || x[-1] > x[-2];
    }
  }
}

static PetscErrorCode CheckBreaks(const SnaBasisSpec *spec, char message[SNA_MAX_MESSAGE])
{
  const PetscInt n = spec->nbreak;
  const double  *x = spec->breakpoint, length = spec->hi - spec->lo;
  const double   size = PetscMax(PetscAbsReal(spec->lo), PetscAbsReal(spec->hi));
  PetscInt       cells, pieces, extra, times = 1;
  double         least = length;

  PetscFunctionBeginUser;
  if (n < 2 || !(PetscAbsReal(x[0] - spec->lo) <= 1e-12 * length) ||
      !(PetscAbsReal(x[n - 1] - spec->hi) <= 1e-12 * length)) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "the break points do not go from %.10g to %.10g: give both ends of the domain and what lies between", spec->lo,
      spec->hi));
    PetscFunctionReturn(0);
  }
  for (PetscInt i = 1; i < n; i++) {
    times = x[i] == x[i - 1] ? times + 1 : 1;
    if (!(x[i] >= x[i - 1])) {
      PetscCall(PetscSNPrintf(
        message, SNA_MAX_MESSAGE, "the break points must increase: %.10g comes after %.10g", x[i], x[i - 1]));
      PetscFunctionReturn(0);
    }
    if (times > 1 && (i + 1 - times == 0 || i == n - 1)) {
      PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
        "the break point %.10g is an end of the domain: give it once, only inner ones are repeated", x[i]));
      PetscFunctionReturn(0);
    }
    if (times > spec->degree) {
      PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
        "the break point %.10g is given more than %" PetscInt_FMT " times, the degree: splines would have a jump there",
        x[i], spec->degree));
      PetscFunctionReturn(0);
    }
    if (times == 1) least = PetscMin(least, x[i] - x[i - 1]);
  }
  CountBreaks(spec, &cells, &pieces, &extra);
  if (spec->resolution < pieces) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "%" PetscInt_FMT " cells are fewer than the %" PetscInt_FMT " pieces between repeated break points",
      spec->resolution, pieces));
  } else if (least * PetscMin(1, (double)cells / (double)spec->resolution) < NARROW * size) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "two break points are only %.10g apart, which is too narrow for double precision: repeat one of them instead",
      least));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode Check_BSpline(const SnaBasisSpec *spec, char message[SNA_MAX_MESSAGE])
{
  const PetscInt p = spec->degree, conditions = SnaBasisConditions_Private(spec->end, 0);
  PetscInt       cells, pieces, extra;

  PetscFunctionBeginUser;
  if (p < 1 || p > MAX_DEGREE) {
    PetscCall(
      PetscSNPrintf(message, SNA_MAX_MESSAGE, "splines have a degree from 1 to %d, not %" PetscInt_FMT, MAX_DEGREE, p));
    PetscFunctionReturn(0);
  }
  if (spec->nbreak != 0) PetscCall(CheckBreaks(spec, message));
  if (message[0]) PetscFunctionReturn(0);
  CountBreaks(spec, &cells, &pieces, &extra);
  if (IsPeriodic(spec->end)) {
    if (spec->resolution + extra <= p)
      PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
        "periodic splines of degree %" PetscInt_FMT " need at least %" PetscInt_FMT " cells, not %" PetscInt_FMT, p,
        p + 1, spec->resolution));
  } else if (spec->resolution + extra + p <= conditions) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "%" PetscInt_FMT " spline functions (cells + degree) leave none under %" PetscInt_FMT
      " conditions at the ends: use more cells",
      spec->resolution + extra + p, conditions));
  }
  PetscFunctionReturn(0);
}

// Points x[0..cells] and how often each is a knot. Between repeated break points, each piece has its share of the cells, and point q of m lies where the
// piecewise linear map of the piece's own cells puts q/m.
static void Grade(const SnaBasisInfo *info, PetscInt cells, PetscInt pieces, double x[], PetscInt times[])
{
  const double *y    = info->breakpoint;
  PetscInt      done = 0, old = 0;

  x[0]     = info->lo;
  times[0] = 1;
  for (PetscInt i = 0; i < info->nbreak - 1; pieces--) {
    PetscInt j = i + 1, upto, m;

    while (j < info->nbreak - 1 && y[j + 1] > y[j]) j++;
    old += j - i;
    upto = (PetscInt)PetscFloorReal((double)old * (double)info->resolution / (double)cells + 0.5);
    upto = PetscMin(PetscMax(upto, done + 1), info->resolution - (pieces - 1));
    m    = upto - done;
    for (PetscInt q = 1; q <= m; q++) {
      const PetscInt k = i + q * (j - i) / m, rest = q * (j - i) % m;

      x[done + q]     = rest ? y[k] + (y[k + 1] - y[k]) * ((double)rest / (double)m) : y[k];
      times[done + q] = 1;
    }
    for (i = j; i < info->nbreak - 1 && y[i + 1] == y[i]; i++) times[upto]++;
    done = upto;
  }
}

// v holds the q functions of degree q-1 that live on the cell; on return the q+1 functions of degree q.
// left[k] = s - t_{i-k}, right[k] = t_{i+1+k} - s for the knot interval [t_i, t_{i+1}] of s.
INLINE void RaiseValues(PetscInt q, const double left[], const double right[], double v[])
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
INLINE void RaiseDerivatives(PetscInt q, const double left[], const double right[], double v[])
{
  double carry = 0;

  for (PetscInt a = 0; a < q; a++) {
    const double share = (double)q * v[a] / (right[a] + left[q - 1 - a]);

    v[a]  = carry - share;
    carry = share;
  }
  v[q] = carry;
}

// values: derivatives 0..order of all p+1 functions, d/dx = unit d/ds.
INLINE void Derivatives(
  PetscInt p, const double left[], const double right[], double unit, PetscInt order, double values[])
{
  double v[MAX_DEGREE + 1], scale = 1;

  for (PetscInt m = 0; m <= order; m++) {
    if (m <= p) {
      v[0] = 1;
      for (PetscInt q = 1; q <= p - m; q++) RaiseValues(q, left, right, v);
      for (PetscInt q = p - m + 1; q <= p; q++) RaiseDerivatives(q, left, right, v);
    }
    for (PetscInt a = 0; a <= p; a++) values[m * (p + 1) + a] = m <= p ? scale * v[a] : 0;
    scale *= unit;
  }
}

static void EvaluateUniform(SnaBasis b, double x, PetscInt order, PetscInt *cell_of_x, double values[])
{
  const PetscInt p = b->info.degree, cells = b->info.cells;
  const double   length = b->info.hi - b->info.lo, s = (x - b->info.lo) / length * (double)cells;
  // Written so that NaN falls into the first cell instead of into an undefined conversion.
  const PetscInt cell = s > 0 ? (s < (double)(cells - 1) ? (PetscInt)s : cells - 1) : 0;
  double         left[MAX_DEGREE], right[MAX_DEGREE];

  for (PetscInt k = 0; k < p; k++) {
    left[k]  = s - (double)PetscMax(cell - k, 0);
    right[k] = (double)PetscMin(cell + 1 + k, cells) - s;
  }
  *cell_of_x = cell;
  Derivatives(p, left, right, (double)cells / length, order, values);
}

// Neumann and Robin ends: the functions that are kept take over what the dropped ones contribute.
static void ApplyEnds(const Spline *spline, PetscInt p, PetscInt first, PetscInt order, double values[])
{
  for (int e = 0; e < 2; e++) {
    const PetscInt a = spline->kept[e] - first, drop = e ? a + 1 : a - 1;

    if (spline->kept[e] < 0 || a < 0 || a > p) continue;
    for (PetscInt m = 0; m <= order; m++) {
      double *v = values + m * (p + 1);

      v[a] = spline->own[e] * v[a] + (drop >= 0 && drop <= p ? spline->dropped[e] * v[drop] : 0);
    }
  }
}

static void EvaluateKnots(SnaBasis b, double x, PetscInt order, PetscInt *cell_of_x, double values[])
{
  const Spline  *spline = b->data;
  const PetscInt p      = b->info.degree;
  PetscInt       cell = 0, above = b->info.cells;
  double         left[MAX_DEGREE], right[MAX_DEGREE];

  while (above - cell > 1) { // NaN ends in the first cell
    const PetscInt middle = (cell + above) / 2;

    if (x >= b->start[middle])
      cell = middle;
    else
      above = middle;
  }
  const PetscInt span = spline->span[cell];
  for (PetscInt k = 0; k < p; k++) {
    left[k]  = x - spline->knot[span - k];
    right[k] = spline->knot[span + 1 + k] - x;
  }
  *cell_of_x = cell;
  Derivatives(p, left, right, 1, order, values);
  ApplyEnds(spline, p, span - p, order, values);
}

static PetscErrorCode Evaluate_BSpline(SnaBasis b, double x, PetscInt order, PetscInt *cell, double values[])
{
  PetscFunctionBeginUser;
  if (b->info.uniform)
    EvaluateUniform(b, x, order, cell, values);
  else
    EvaluateKnots(b, x, order, cell, values);
  PetscFunctionReturn(0);
}

// The weights of the functions that Neumann and Robin ends keep, from the values and slopes that functions have at the ends.
static void SetUpEnds(SnaBasis b, Spline *spline)
{
  const PetscInt p = b->info.degree;

  spline->kept[0] = spline->kept[1] = -1;
  for (int e = 0; e < 2; e++) {
    const PetscInt drop = e ? p : 0, keep = e ? p - 1 : 1;
    double         v[2 * (MAX_DEGREE + 1)], of_drop, of_keep, scale;
    PetscInt       cell;

    EvaluateKnots(b, e ? b->info.hi : b->info.lo, 1, &cell, v);
    of_drop            = (e ? 1 : -1) * v[p + 1 + drop] + b->info.end[e].robin * v[drop];
    of_keep            = (e ? 1 : -1) * v[p + 1 + keep] + b->info.end[e].robin * v[keep];
    scale              = PetscMax(PetscAbsReal(of_drop), PetscAbsReal(of_keep));
    spline->own[e]     = of_drop / scale;
    spline->dropped[e] = -of_keep / scale;
  }
  if (IsMixed(b->info.end[0])) spline->kept[0] = 1;
  if (IsMixed(b->info.end[1])) spline->kept[1] = spline->raw - 2;
  // A function that both ends keep has the product of its two weights, and the neighbours come with the other end's.
  if (spline->kept[0] >= 0 && spline->kept[0] == spline->kept[1]) spline->dropped[1] *= spline->own[0];
}

// Knots and spans from the points and their multiplicities.
static PetscErrorCode SetUpKnots(SnaBasis b, Spline *spline, const PetscInt times[])
{
  const PetscInt  p = b->info.degree, cells = b->info.cells;
  const PetscBool periodic = IsPeriodic(b->info.end);
  const double    length   = b->info.hi - b->info.lo;
  PetscInt        last     = p; // index of the last knot set

  PetscFunctionBeginUser;
  spline->raw = periodic ? 1 : p + 1;
  for (PetscInt c = 1; c < cells; c++) spline->raw += times[c];
  PetscCall(PetscMalloc1((size_t)(spline->raw + 2 * p + 1), &spline->knot));
  PetscCall(PetscMalloc1((size_t)cells, &spline->span));
  for (PetscInt k = 0; k <= p; k++) spline->knot[k] = b->info.lo;
  for (PetscInt c = 0; c < cells; c++) {
    for (PetscInt k = 0; c > 0 && k < times[c]; k++) spline->knot[++last] = b->start[c];
    spline->span[c] = last;
  }
  for (PetscInt k = 0; k <= p; k++) spline->knot[++last] = b->info.hi;
  for (PetscInt k = 1; periodic && k <= p; k++) {
    spline->knot[p - k]               = spline->knot[p + spline->raw - k] - length;
    spline->knot[p + spline->raw + k] = spline->knot[p + k] + length;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode SetUp_BSpline(SnaBasis b, const SnaBasisSpec *spec)
{
  const PetscInt  p = spec->degree, cells = spec->resolution, local = p + 1;
  const PetscBool periodic = IsPeriodic(spec->end);
  const PetscInt  first = Dropped(spec->end[0]), last = Dropped(spec->end[1]);
  Spline         *spline = NULL;
  PetscInt        raw    = cells + p;

  PetscFunctionBeginUser;
  b->info.degree  = p;
  b->info.cells   = cells;
  b->info.local   = local;
  b->info.points  = p + 1;
  b->info.uniform = (PetscBool)(spec->nbreak == 0 && !periodic && !IsMixed(spec->end[0]) && !IsMixed(spec->end[1]));
  b->unit_size    = PetscSqrtReal((double)cells / (spec->hi - spec->lo));
  if (b->info.uniform) {
    b->info.drop_first = first;
    b->info.drop_last  = last;
  } else {
    PetscInt *times, old, pieces, extra;

    PetscCall(PetscNew(&spline));
    b->data = spline;
    PetscCall(PetscMalloc1((size_t)(cells + 1), &times));
    PetscCall(PetscMalloc1((size_t)(cells + 1), &b->start));
    for (PetscInt c = 0; c <= cells; c++) {
      b->start[c] = c == cells ? spec->hi : spec->lo + (spec->hi - spec->lo) * ((double)c / (double)cells);
      times[c]    = 1;
    }
    CountBreaks(spec, &old, &pieces, &extra);
    if (spec->nbreak > 0) Grade(&b->info, old, pieces, b->start, times);
    PetscCall(SetUpKnots(b, spline, times));
    PetscCall(PetscFree(times));
    SetUpEnds(b, spline);
    raw = spline->raw;
  }
  b->info.n = raw - first - last;
  PetscCall(PetscMalloc1((size_t)cells * (size_t)local, &b->index));
  for (PetscInt c = 0; c < cells; c++) {
    for (PetscInt a = 0; a < local; a++) {
      const PetscInt i = (spline ? spline->span[c] - p : c) + a, k = i % raw;

      if (periodic)
        b->index[c * local + a] = 2 * k < raw ? 2 * k : 2 * (raw - 1 - k) + 1;
      else
        b->index[c * local + a] = i >= first && i < raw - last ? i - first : -1;
    }
  }
  if (spline) {
    PetscCall(PetscMalloc1(b->info.n, &spline->centre));
    for (PetscInt c = 0; c < cells; c++) {
      for (PetscInt a = 0; a < local; a++) {
        const double *knot = spline->knot + spline->span[c] - p + a + 1;
        double        mean = 0;

        if (b->index[c * local + a] < 0) continue;
        for (PetscInt k = 0; k < p; k++) mean += knot[k] / (double)p;
        spline->centre[b->index[c * local + a]] = mean;
      }
    }
  }
  PetscFunctionReturn(0);
}

// Cosines: in the number of the function where all are alike, otherwise in the place of the function.
static PetscErrorCode Smooth_BSpline(SnaBasis b, PetscInt j, double c[])
{
  const Spline  *spline = b->data;
  const PetscInt n      = b->info.n;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; i++) {
    if (!spline)
      c[i] = PetscCosReal(PETSC_PI * (double)j * ((double)i + 0.5) / (double)n);
    else {
      const double s = (spline->centre[i] - b->info.lo) / (b->info.hi - b->info.lo);

      if (!IsPeriodic(b->info.end))
        c[i] = PetscCosReal(PETSC_PI * (double)j * s);
      else if (j % 2)
        c[i] = PetscCosReal(PETSC_PI * (double)(j + 1) * s);
      else
        c[i] = j ? PetscSinReal(PETSC_PI * (double)j * s) : 1;
    }
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode Destroy_BSpline(SnaBasis b)
{
  Spline *spline = b->data;

  PetscFunctionBeginUser;
  if (!spline) PetscFunctionReturn(0);
  PetscCall(PetscFree(spline->knot));
  PetscCall(PetscFree(spline->span));
  PetscCall(PetscFree(spline->centre));
  PetscCall(PetscFree(spline));
  b->data = NULL;
  PetscFunctionReturn(0);
}

const SnaBasisOps SnaBasisBSpline_Private = {.family = "bspline",
  .check                                             = Check_BSpline,
  .setup                                             = SetUp_BSpline,
  .evaluate                                          = Evaluate_BSpline,
  .smooth                                            = Smooth_BSpline,
  .destroy                                           = Destroy_BSpline};
