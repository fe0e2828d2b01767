// physical.c - a model's fields in physical coordinates (coordinates.c), for every model alike: the unknown with its derivatives, the deck's
// reference, their difference, and its relative L2 norm over the physical box.
//
//   error^2 = int_P (u(y(x)) - v(x))^2 dx / int_P v(x)^2 dx,    P: the points x of the physical box whose y(x) lies in the model's domain
//
// by randomised quasi-Monte Carlo (SnaErrorQmc); points outside P count as zero in both integrals, which leaves both estimates unbiased.
#include "model_impl.h"
#include <math.h>

#define BLOCK 1024 // points that are mapped together

PetscErrorCode SnaModelReadCoordinates_Private(SnaModel model, SnaDeck deck)
{
  const SnaModelInfo *info = &model->info;

  PetscFunctionBeginUser;
  PetscCall(SnaCoordinatesCreate(deck, info->nd, info->name, info->lo, info->hi, &model->coordinates));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelReadReference_Private(SnaModel model, SnaDeck deck, const char key[], const char **text)
{
  SnaModelInfo *info = &model->info;
  char          message[SNA_MAX_MESSAGE];

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetString(deck, key, NULL, text));
  if (!*text || !**text) PetscFunctionReturn(0);
  PetscCall(SnaCoordinatesParse(model->coordinates, deck, *text, &model->reference, message));
  if (!model->reference) {
    PetscCall(SnaDeckError(deck, key, NULL, "%s", message));
    PetscFunctionReturn(0);
  }
  info->nfield   = 3;
  info->field[1] = "reference";
  info->field[2] = "error";
  PetscFunctionReturn(0);
}

// A reference that is not a number somewhere would make the error one: tried at points spread over the domain.
PetscErrorCode SnaModelCheckReference_Private(SnaModel model, SnaDeck deck, const char key[])
{
  enum { NPOINTS = 1024 };
  const SnaCoordinatesInfo *info;
  double                   *x[SNA_MAX_DIM], *y[SNA_MAX_DIM], value[NPOINTS];
  PetscBool                 inside[NPOINTS];
  PetscInt                  bad = 0, found = 0;

  PetscFunctionBeginUser;
  PetscCall(SnaCoordinatesGetInfo(model->coordinates, &info));
  if (!model->reference && !info->mapped) PetscFunctionReturn(0);
  for (PetscInt j = 0; j < SNA_MAX_DIM; j++) PetscCall(PetscMalloc2(NPOINTS, &x[j], NPOINTS, &y[j]));
  for (PetscInt j = 0; j < info->n; j++)
    for (PetscInt i = 0; i < NPOINTS; i++)
      x[j][i] = info->lo[j] + (info->hi[j] - info->lo[j]) * SnaRandomUniform(0, (uint64_t)j, (uint64_t)i);
  PetscCall(SnaCoordinatesMap(model->coordinates, NPOINTS, (const double *const *)x, y, inside));
  for (PetscInt i = 0; i < NPOINTS; i++) found += inside[i] ? 1 : 0;
  if (!found)
    PetscCall(SnaDeckError(deck, "coordinates_map", NULL,
      "none of %d points of the physical box maps into the model's domain (at the first of them %s = %g, which has "
      "[%g, %g]); compare the ranges",
      NPOINTS, model->info.name[0], y[0][0], model->info.lo[0], model->info.hi[0]));
  if (model->reference) {
    char where[512] = "";
    PetscCall(SnaExprEvaluate(model->reference, NPOINTS, (const double *const *)x, value));
    while (bad < NPOINTS && !(inside[bad] && PetscIsInfOrNanReal(value[bad]))) bad++;
    for (PetscInt j = 0; j < info->n && bad < NPOINTS; j++) {
      char text[64];
      PetscCall(PetscSNPrintf(text, sizeof(text), "%s%s = %.3g", j ? ", " : "", info->name[j], x[j][bad]));
      PetscCall(PetscStrlcat(where, text, sizeof(where)));
    }
    if (bad < NPOINTS) PetscCall(SnaDeckError(deck, key, NULL, "the reference is %g at %s", value[bad], where));
  }
  for (PetscInt j = 0; j < SNA_MAX_DIM; j++) PetscCall(PetscFree2(x[j], y[j]));
  PetscFunctionReturn(0);
}

// Unknown k as the deck or the model knows it exactly.
static PetscErrorCode Reference_Private(SnaModel model, PetscInt k, PetscInt n, const double *const x[], double out[])
{
  return model->ops.reference ? model->ops.reference(model, k, n, x, out)
                              : SnaExprEvaluate(model->reference, n, x, out);
}

// Points x in physical coordinates, y the same in directions.
static PetscErrorCode SampleField(SnaModel model, PetscInt field, PetscInt n, const double *const x[],
  const double *const y[], double out[], double *const grad[])
{
  const PetscInt nu = model->info.nunknown;

  PetscFunctionBeginUser;
  PetscCheck(
    field >= 0 && field < model->info.nfield, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "field %" PetscInt_FMT, field);
  if (field < nu || field >= 2 * nu) PetscCall(model->ops.sample(model, field % nu, n, y, out, grad));
  if (field >= nu && field < 2 * nu) PetscCall(Reference_Private(model, field % nu, n, x, out));
  if (field >= 2 * nu) {
    double *reference;
    PetscCall(PetscMalloc1(n, &reference));
    PetscCall(Reference_Private(model, field % nu, n, x, reference));
    for (PetscInt i = 0; i < n; i++) out[i] -= reference[i];
    PetscCall(PetscFree(reference));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelSample(
  SnaModel model, PetscInt field, PetscInt n, const double *const x[], double out[], double *const grad[])
{
  const SnaCoordinatesInfo *info;

  PetscFunctionBeginUser;
  PetscCall(SnaCoordinatesGetInfo(model->coordinates, &info));
  PetscCheck(field < model->info.nunknown || !info->mapped, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG,
    "the reference is one of the physical coordinates");
  PetscCall(SampleField(model, field, n, x, x, out, grad));
  PetscFunctionReturn(0);
}

// Without a map the points are those of the directions, and none is copied.
static PetscErrorCode SampleDirections(SnaModel model, const SnaCoordinatesInfo *info, PetscInt field, PetscInt n,
  const double *const x[], double out[], double *const grad[], PetscBool inside[])
{
  PetscInt beyond = 0; // entries beyond their direction's domain, not numbers among them

  PetscFunctionBeginUser;
  PetscCall(SampleField(model, field, n, x, x, out, grad));
  for (PetscInt d = 0; d < info->n; d++) {
    const double lo = info->lo[d], hi = info->hi[d];

    for (PetscInt i = 0; i < n; i++) beyond += !((x[d][i] >= lo) & (x[d][i] <= hi));
  }
  for (PetscInt i = 0; inside && i < n; i++) inside[i] = PETSC_TRUE;
  for (PetscInt i = 0; beyond && i < n; i++) {
    PetscBool within = PETSC_TRUE;

    for (PetscInt d = 0; d < info->n && within; d++)
      within = (PetscBool)(x[d][i] >= info->lo[d] && x[d][i] <= info->hi[d]);
    if (within) continue;
    if (inside) inside[i] = PETSC_FALSE;
    out[i] = NAN;
    for (PetscInt d = 0; grad && d < info->n; d++) grad[d][i] = NAN;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode SampleMapped(SnaModel model, const SnaCoordinatesInfo *info, PetscInt field, PetscInt n,
  const double *const x[], double out[], double *const grad[], PetscBool inside[])
{
  const PetscInt nd = model->info.nd, block = PetscMin(n, BLOCK);
  double        *work, *y[SNA_MAX_DIM], *dy[SNA_MAX_DIM];
  PetscBool      within[BLOCK];

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(2 * (size_t)nd * (size_t)block, &work));
  for (PetscInt d = 0; d < nd; d++) {
    y[d]  = work + d * block;
    dy[d] = work + (nd + d) * block;
  }
  for (PetscInt first = 0; first < n; first += block) {
    const PetscInt m = PetscMin(block, n - first);
    const double  *xb[SNA_MAX_DIM];
    double        *gb[SNA_MAX_DIM];

    for (PetscInt j = 0; j < info->n; j++) {
      xb[j] = x[j] + first;
      gb[j] = grad ? grad[j] + first : NULL;
    }
    PetscCall(SnaCoordinatesMap(model->coordinates, m, xb, y, within));
    PetscCall(SampleField(model, field, m, xb, (const double *const *)y, out + first, grad ? dy : NULL));
    if (grad) PetscCall(SnaCoordinatesPullBack(model->coordinates, m, xb, (const double *const *)dy, gb));
    for (PetscInt i = 0; i < m; i++) {
      if (inside) inside[first + i] = within[i];
      if (within[i]) continue;
      out[first + i] = NAN;
      for (PetscInt j = 0; grad && j < info->n; j++) gb[j][i] = NAN;
    }
  }
  PetscCall(PetscFree(work));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelSamplePhysical(SnaModel model, PetscInt field, PetscInt n, const double *const x[], double out[],
  double *const grad[], PetscBool inside[])
{
  const SnaCoordinatesInfo *info;

  PetscFunctionBeginUser;
  PetscCheck(
    model->coordinates, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONGSTATE, "a model without directions has no samples");
  PetscCheck(!grad || field < model->info.nunknown, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG,
    "derivatives are those of the unknowns");
  PetscCall(SnaCoordinatesGetInfo(model->coordinates, &info));
  PetscCall((info->mapped ? SampleMapped : SampleDirections)(model, info, field, n, x, out, grad, inside));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelGetKnowledge(SnaModel model, PetscBool *reference, PetscBool *data, PetscBool *expansion)
{
  PetscFunctionBeginUser;
  *reference = (PetscBool)(model->info.nfield > model->info.nunknown);
  *data      = (PetscBool)(model->ops.distance != NULL);
  *expansion = (PetscBool)(model->info.expansion > 0);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelDistance(SnaModel model, PetscInt n, const double *const x[], double distance[])
{
  return model->ops.distance(model, n, x, distance);
}

PetscErrorCode SnaModelDraw(SnaModel model, uint64_t seed, PetscInt first, PetscInt n, double *const x[])
{
  return model->ops.draw(model, seed, first, n, x);
}

PetscErrorCode SnaModelExpand(SnaModel model, PetscInt n, const double *const x[], PetscInt width, double out[])
{
  return model->ops.expand(model, n, x, width, out);
}

// ---------------------------------------------------------------------------------------------------------------------
// Integrals over the physical box
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode ZeroOutside(SnaModel model, PetscInt field, PetscInt n, const double *const x[], double out[])
{
  PetscBool *inside;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(n, &inside));
  PetscCall(SnaModelSamplePhysical(model, field, n, x, out, NULL, inside));
  for (PetscInt i = 0; i < n; i++)
    if (!inside[i]) out[i] = 0;
  PetscCall(PetscFree(inside));
  PetscFunctionReturn(0);
}

static PetscErrorCode Unknown(void *ctx, PetscInt n, const double *const x[], double out[])
{
  return ZeroOutside((SnaModel)ctx, 0, n, x, out);
}

static PetscErrorCode Reference(void *ctx, PetscInt n, const double *const x[], double out[])
{
  return ZeroOutside((SnaModel)ctx, 1, n, x, out);
}

static PetscErrorCode One(void *ctx, PetscInt n, const double *const x[], double out[])
{
  (void)ctx;
  (void)x;
  for (PetscInt i = 0; i < n; i++) out[i] = 1;
  return 0;
}

// 1 where a point maps into the model's domain.
static PetscErrorCode Inside(void *ctx, PetscInt n, const double *const x[], double out[])
{
  SnaModel   model = (SnaModel)ctx;
  double    *y[SNA_MAX_DIM], *work;
  PetscBool *inside;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2((size_t)n * (size_t)model->info.nd, &work, n, &inside));
  for (PetscInt d = 0; d < model->info.nd; d++) y[d] = work + d * n;
  PetscCall(SnaCoordinatesMap(model->coordinates, n, x, y, inside));
  for (PetscInt i = 0; i < n; i++) out[i] = inside[i] ? 1 : 0;
  PetscCall(PetscFree2(work, inside));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelErrorQmc_Private(SnaModel model, const PetscInt nbin[], const double *const bin[],
  PetscInt points, SnaErrorEstimate *e, double *outside)
{
  const SnaCoordinatesInfo *info;
  PetscInt                  n[SNA_MAX_DIM];
  const double             *b[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  PetscCall(SnaCoordinatesGetInfo(model->coordinates, &info));
  for (PetscInt j = 0; j < info->n; j++) {
    const PetscInt d = info->direction[j];
    n[j]             = d >= 0 ? nbin[d] : 1;
    b[j]             = d >= 0 ? bin[d] : NULL;
  }
  PetscCall(SnaErrorQmc(model->comm, info->n, info->lo, info->hi, n, b, points, Unknown, model, Reference, model, e));
  *outside = 0;
  if (info->mapped) { // ||1 - inside||^2 / ||1||^2
    SnaErrorEstimate share;
    PetscCall(
      SnaErrorQmc(model->comm, info->n, info->lo, info->hi, NULL, NULL, points, Inside, model, One, NULL, &share));
    *outside = share.error * share.error;
  }
  PetscFunctionReturn(0);
}
