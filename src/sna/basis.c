// basis.c - 1-D bases: the object, the check of a specification, and what does not depend on the family.
//
// A family is a table of functions (basis_impl.h): basis_spline.c, basis_fourier.c, basis_polynomial.c.
#include "basis_impl.h"

#define NARROW 1e-12 // cells below this, relative to the numbers at the ends, leave their points too few digits

static const SnaBasisOps *const families[] = {
  &SnaBasisBSpline_Private, &SnaBasisFourier_Private, &SnaBasisChebyshev_Private, &SnaBasisLegendre_Private};

const char *SnaBasisFamilies(void)
{
  return "bspline|fourier|chebyshev|legendre";
}

static PetscErrorCode FindFamily(const char name[], const SnaBasisOps **ops)
{
  PetscFunctionBeginUser;
  *ops = NULL;
  for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
    PetscBool same;

    PetscCall(PetscStrcmp(name, families[f]->family, &same));
    if (same) *ops = families[f];
  }
  PetscFunctionReturn(0);
}

PetscInt SnaBasisConditions_Private(const SnaEnd end[2], PetscInt periodic)
{
  PetscInt conditions = 0;

  if (end[0].kind == SNA_END_PERIODIC) return periodic;
  for (int e = 0; e < 2; e++) conditions += end[e].kind == SNA_END_FREE ? 0 : end[e].kind == SNA_END_CLAMPED ? 2 : 1;
  return conditions;
}

PetscErrorCode SnaBasisCheck(const SnaBasisSpec *spec, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  const SnaBasisOps *ops;
  // Written so that NaN is refused as well.
  const PetscBool finite =
    (PetscBool)(PetscAbsReal(spec->lo) <= PETSC_MAX_REAL && PetscAbsReal(spec->hi) <= PETSC_MAX_REAL);
  const double size = PetscMax(PetscAbsReal(spec->lo), PetscAbsReal(spec->hi));

  PetscFunctionBeginUser;
  message[0] = '\0';
  PetscCall(FindFamily(spec->family, &ops));
  if (!ops) {
    PetscCall(PetscSNPrintf(
      message, SNA_MAX_MESSAGE, "there is no basis family `%s`: one of %s", spec->family, SnaBasisFamilies()));
  } else if (!finite || PetscAbsReal(spec->hi - spec->lo) > PETSC_MAX_REAL) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "the domain [%.10g, %.10g] is not finite", spec->lo, spec->hi));
  } else if (spec->hi <= spec->lo) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "the domain [%.10g, %.10g] is %s: the lower end comes first",
      spec->lo, spec->hi, spec->hi < spec->lo ? "reversed" : "empty"));
  } else if ((spec->end[0].kind == SNA_END_PERIODIC) != (spec->end[1].kind == SNA_END_PERIODIC)) {
    PetscCall(
      PetscSNPrintf(message, SNA_MAX_MESSAGE, "one end is periodic and the other is not: write `periodic` for both"));
  } else if (spec->resolution < 1) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "a basis needs at least one cell (bspline) or function (the other families), not %" PetscInt_FMT,
      spec->resolution));
  } else if (spec->hi - spec->lo < NARROW * size * (double)spec->resolution) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "%" PetscInt_FMT
      " cells of [%.17g, %.17g] are too narrow for double precision: shift the variable, or lower the number",
      spec->resolution, spec->lo, spec->hi));
  } else {
    for (int e = 0; e < 2; e++) {
      if (spec->end[e].kind == SNA_END_ROBIN && !(PetscAbsReal(spec->end[e].robin) <= PETSC_MAX_REAL))
        PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "the Robin coefficient of the %s end is not a finite number",
          e ? "upper" : "lower"));
    }
    if (!message[0]) PetscCall(ops->check(spec, message));
  }
  *ok = (PetscBool)(message[0] == '\0');
  PetscFunctionReturn(0);
}

// Half bandwidth of the matrices: the largest distance of two functions that meet in a cell.
static PetscInt Band(SnaBasis b)
{
  PetscInt band = 0;

  for (PetscInt c = 0; c < b->info.cells; c++) {
    const PetscInt *index = b->index + c * b->info.local;
    PetscInt        least = b->info.n, largest = -1;

    for (PetscInt a = 0; a < b->info.local; a++) {
      if (index[a] < 0) continue;
      least   = PetscMin(least, index[a]);
      largest = PetscMax(largest, index[a]);
    }
    band = PetscMax(band, largest - least);
  }
  return band;
}

PetscErrorCode SnaBasisCreate(const char name[], const SnaBasisSpec *spec, SnaBasis *b)
{
  SnaBasis  basis;
  PetscBool ok;
  char      message[SNA_MAX_MESSAGE];

  PetscFunctionBeginUser;
  PetscCall(SnaBasisCheck(spec, &ok, message));
  PetscCheck(ok, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "Direction %s: %s", name, message);
  PetscCall(PetscNew(&basis));
  PetscCall(FindFamily(spec->family, &basis->ops));
  PetscCall(PetscStrallocpy(name, &basis->name));
  basis->info = (SnaBasisInfo){.name = basis->name,
    .family                          = basis->ops->family,
    .resolution                      = spec->resolution,
    .lo                              = spec->lo,
    .hi                              = spec->hi,
    .end                             = {spec->end[0], spec->end[1]}};
  for (int e = 0; e < 2; e++) {
    if (spec->end[e].kind != SNA_END_ROBIN) basis->info.end[e].robin = 0;
  }
  if (spec->nbreak > 0) {
    PetscCall(PetscMalloc1(spec->nbreak, &basis->breakpoint));
    PetscCall(PetscArraycpy(basis->breakpoint, spec->breakpoint, spec->nbreak));
    basis->breakpoint[0]                = spec->lo;
    basis->breakpoint[spec->nbreak - 1] = spec->hi;
    basis->info.nbreak                  = spec->nbreak;
    basis->info.breakpoint              = basis->breakpoint;
  }
  basis->unit_size = 1;
  PetscCall(basis->ops->setup(basis, spec));
  if (!basis->index) {
    PetscCall(PetscMalloc1((size_t)basis->info.cells * (size_t)basis->info.local, &basis->index));
    for (PetscInt i = 0; i < basis->info.cells * basis->info.local; i++) basis->index[i] = i % basis->info.local;
  }
  // Of uniform splines it is the degree also where they are too few to fill it: a rule that their users may rely on.
  basis->info.band = basis->info.uniform ? basis->info.degree : Band(basis);
  *b               = basis;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaBasisCreateLike(SnaBasis b, PetscInt resolution, SnaBasis *other)
{
  const SnaBasisSpec spec = {.family = b->info.family,
    .degree                          = b->info.degree,
    .resolution                      = resolution,
    .lo                              = b->info.lo,
    .hi                              = b->info.hi,
    .end                             = {b->info.end[0], b->info.end[1]},
    .nbreak                          = b->info.nbreak,
    .breakpoint                      = b->info.breakpoint};

  PetscFunctionBeginUser;
  PetscCall(SnaBasisCreate(b->name, &spec, other));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaBasisCreateBSpline(const char name[], PetscInt degree, PetscInt cells, double lo, double hi,
  PetscBool drop_first, PetscBool drop_last, SnaBasis *b)
{
  const SnaBasisSpec spec = {.family = "bspline",
    .degree                          = degree,
    .resolution                      = cells,
    .lo                              = lo,
    .hi                              = hi,
    .end = {{drop_first ? SNA_END_DIRICHLET : SNA_END_FREE, 0}, {drop_last ? SNA_END_DIRICHLET : SNA_END_FREE, 0}}};

  PetscFunctionBeginUser;
  PetscCall(SnaBasisCreate(name, &spec, b));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaBasisDestroy(SnaBasis *b)
{
  PetscFunctionBeginUser;
  if (!*b) PetscFunctionReturn(0);
  if ((*b)->ops->destroy) PetscCall((*b)->ops->destroy(*b));
  PetscCall(PetscFree((*b)->index));
  PetscCall(PetscFree((*b)->start));
  PetscCall(PetscFree((*b)->breakpoint));
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

PetscErrorCode SnaBasisGetIndex(SnaBasis b, PetscInt cell, const PetscInt **index)
{
  PetscFunctionBeginUser;
  *index = b->index + cell * b->info.local;
  PetscFunctionReturn(0);
}

double SnaBasisCellStart(SnaBasis b, PetscInt c)
{
  return b->start ? b->start[c] : b->info.lo + (b->info.hi - b->info.lo) * ((double)c / (double)b->info.cells);
}

PetscErrorCode SnaBasisEvaluate(SnaBasis b, double x, PetscInt order, PetscInt *cell, double values[])
{
  PetscFunctionBeginUser;
  PetscCall(b->ops->evaluate(b, x, order, cell, values));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaBasisSmoothFunction(SnaBasis b, PetscInt j, double c[])
{
  PetscFunctionBeginUser;
  PetscCall(b->ops->smooth(b, j, c));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaBasisSmooth_Modal_Private(SnaBasis b, PetscInt j, double c[])
{
  PetscFunctionBeginUser;
  PetscCall(PetscArrayzero(c, b->info.n));
  if (j < b->info.n) c[j] = 1;
  PetscFunctionReturn(0);
}

double SnaBasisUnitSize(SnaBasis b)
{
  return b->unit_size;
}
