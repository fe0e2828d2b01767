// vsna_convert.c - the solved field in the other format: a tensor train compressed to a CP of given rank, or a CP rounded as a train to a tolerance or a
// number of parameters. Both are approximations in L2; the equation plays no part any more.
#include "vsna.h"
#include <petsctime.h>

#define CONVERT_SWEEPS 8 // Gauss-Newton steps at the last rank; CONVERT_RTOL ends them earlier
#define CONVERT_RTOL   2e-3

static PetscErrorCode TrainToCP(SnaModel model, SnaTtSpace space, VsnaReplica *r)
{
  Vsna                  *v       = (Vsna *)model->data;
  const SnaTtToCPOptions options = {
    .rank = v->convert_rank, .sweeps = CONVERT_SWEEPS, .rtol = CONVERT_RTOL, .seed = v->tt_options.seed};
  double          *C[SNA_MAX_DIM];
  SnaTt            tt;
  const VsnaLevel *level = r->level;

  PetscFunctionBeginUser;
  if (v->group == 0 && v->workers != MPI_COMM_NULL) {
    PetscCall(SnaFieldGetTT(r->field, &tt));
    PetscCall(SnaTtToCP(v->workers, space, tt, &options, C, &v->convert_error));
    PetscCall(SnaFieldCreateCP(v->nd, level->tt.bases, options.rank, (const double *const *)C, &v->converted));
    for (PetscInt d = 0; d < v->nd; d++) PetscCall(PetscFree(C[d]));
  }
  PetscCallMPI(MPI_Bcast(&v->convert_error, 1, MPI_DOUBLE, 0, model->comm));
  PetscCall(VsnaFieldBroadcast(model, 0, &v->converted, &level));
  PetscFunctionReturn(0);
}

// Every rank by itself: the same numbers.
static PetscErrorCode CPToTrain(Vsna *v, SnaTtSpace space, VsnaReplica *r)
{
  PetscInt  rank;
  double   *C[SNA_MAX_DIM], norm2;
  SnaTt     tt;
  PetscBool fits = PETSC_TRUE;

  PetscFunctionBeginUser;
  PetscCall(SnaFieldGetCP(r->field, &rank, C));
  PetscCall(SnaTtFromCP(space, v->tt_options.order, rank, (const double *const *)C, &tt));
  for (PetscInt d = 0; d < v->nd; d++) PetscCall(PetscFree(C[d]));
  PetscCall(SnaTtInner(space, tt, tt, &norm2));
  if (v->tt_options.parameters > 0)
    PetscCall(SnaTtRoundToBudget(space, tt, v->tt_options.parameters, &v->convert_error, &fits));
  else
    PetscCall(SnaTtRound(space, tt, v->tt_options.rtol * PetscSqrtReal(norm2), &v->convert_error));
  PetscCheck(fits, PETSC_COMM_SELF, PETSC_ERR_PLIB, "a budget below rank 1"); // refused in set-up
  if (norm2 > 0) v->convert_error /= PetscSqrtReal(norm2);
  PetscCall(SnaFieldCreateTT(v->nd, r->level->tt.bases, tt, &v->converted));
  PetscCall(SnaTtDestroy(&tt));
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaConvert(SnaModel model)
{
  Vsna          *v = (Vsna *)model->data;
  VsnaReplica   *r = &v->replica[v->current];
  SnaTtSpace     space;
  PetscLogDouble t0, t1;

  PetscFunctionBeginUser;
  PetscCall(SnaFieldDestroy(&v->converted));
  v->convert_error = v->convert_seconds = 0;
  if (v->convert == (v->format == &VsnaFormatTT ? VSNA_CONVERT_CP : VSNA_CONVERT_TT)) {
    PetscCall(PetscTime(&t0));
    PetscCall(SnaTtSpaceCreate(v->nd, r->level->tt.bases, &space));
    if (v->convert == VSNA_CONVERT_CP)
      PetscCall(TrainToCP(model, space, r));
    else
      PetscCall(CPToTrain(v, space, r));
    PetscCall(SnaTtSpaceDestroy(&space));
    PetscCall(PetscTime(&t1));
    v->convert_seconds = t1 - t0;
    PetscCall(PetscPrintf(model->comm, "converted to format %s: relative L2 distance %.2e, %.2f s\n",
      v->convert == VSNA_CONVERT_CP ? VsnaFormatCP.name : VsnaFormatTT.name, v->convert_error, v->convert_seconds));
    v->field = v->converted;
  }
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaJoinInts(PetscInt n, const PetscInt value[], char **text)
{
  const size_t size = 24 * (size_t)n + 1;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1(size, text));
  for (PetscInt i = 0; i < n; i++) {
    char one[32];
    PetscCall(PetscSNPrintf(one, sizeof(one), "%s%" PetscInt_FMT, i ? "," : "", value[i]));
    PetscCall(PetscStrlcat(*text, one, size));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaJoinNames(const SnaModelInfo *info, PetscInt n, const PetscInt dir[], char **text)
{
  size_t size = 1;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; i++) {
    size_t length;
    PetscCall(PetscStrlen(info->name[dir[i]], &length));
    size += length + 1;
  }
  PetscCall(PetscCalloc1(size, text));
  for (PetscInt i = 0; i < n; i++) {
    if (i) PetscCall(PetscStrlcat(*text, ",", size));
    PetscCall(PetscStrlcat(*text, info->name[dir[i]], size));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaAddTrainResults(SnaModel model, SnaTt tt, SnaResults results)
{
  char *order, *ranks;

  PetscFunctionBeginUser;
  PetscCall(VsnaJoinNames(&model->info, tt->nd, tt->dir, &order));
  PetscCall(VsnaJoinInts(tt->nd + 1, tt->r, &ranks));
  PetscCall(SnaResultsAddText(results, "ranks_tt", ranks));
  PetscCall(SnaResultsAddText(results, "order", order));
  PetscCall(PetscFree(order));
  PetscCall(PetscFree(ranks));
  PetscFunctionReturn(0);
}
