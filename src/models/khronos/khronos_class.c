// khronos_class.c - the separable function that the deck asks for, and whether the rows can determine its parameters.
//
//   products       sum over interacting subsets S of rank_S * sum_{d in S} m_d, once per output or, with learned weights, once and one weight per product
//                  and output; m_d = cells_d + degree_d functions
//   tucker         rank sum_d m_d + nout rank^nd
//   tensor_train   sum_d r_d r_{d+1} m_d
#include "khronos.h"
#include <math.h>
#include <string.h>

#define EXACT(x) ((x) < 0x1p53 ? (x) : 0x1p53) // counts beyond are too many anyway

PetscErrorCode KhronosGetOptions(SnaModel model, SnaSeparableOptions *o, PetscBool *ok)
{
  const Khronos     *k  = (const Khronos *)model->data;
  const KhronosDeck *D  = &k->deck;
  const PetscInt     nd = model->info.nd;
  PetscInt           order;
  PetscBool          all;

  PetscFunctionBeginUser;
  *ok = PETSC_TRUE;
  *o  = (SnaSeparableOptions){
     .nd = nd, .nout = k->nout, .rank = D->rank, .activation = D->activation, .learned = D->learned};
  PetscCall(PetscArraycpy(o->degree, D->degree, nd));
  PetscCall(PetscArraycpy(o->cells, D->cells, nd));
  if (D->class[0] == 't') {
    o->kind = strcmp(D->class, "tucker") ? SNA_SEPARABLE_TENSOR_TRAIN : SNA_SEPARABLE_TUCKER;
    PetscFunctionReturn(0);
  }
  o->kind = SNA_SEPARABLE_PRODUCTS;
  order   = D->class[0] == 'a' ? 1 : D->class[0] == 'q' ? 2 : D->interaction;
  if (order <= 0 || order > nd) order = nd;
  all = (PetscBool)(D->class[0] == 'c' && order == nd);
  PetscCall(SnaInteractionCreate(nd, order, D->rank, all, &o->interaction, ok));
  PetscFunctionReturn(0);
}

static PetscInt Size(uint32_t subset)
{
  PetscInt n = 0;

  for (; subset; subset &= subset - 1) n++;
  return n;
}

double KhronosCountParameters(const SnaSeparableOptions *o, PetscInt rank, PetscInt cells, double per[])
{
  const PetscInt nd    = o->nd;
  double         total = 0, m[SNA_MAX_DIM], r[SNA_MAX_DIM + 1], own[SNA_MAX_DIM] = {0};

  for (PetscInt d = 0; d < nd; d++) m[d] = (double)(PetscMin(o->cells[d], cells) + o->degree[d]);
  if (o->kind == SNA_SEPARABLE_PRODUCTS) {
    const double copies = o->learned ? 1 : (double)o->nout, weights = o->learned ? (double)o->nout : 0;
    for (PetscInt k = 0; k < o->interaction.nsubset; k++) {
      const double n = Size(o->interaction.subset[k]) == 1 ? 1 : (double)rank;
      for (PetscInt d = 0; d < nd; d++)
        if (o->interaction.subset[k] >> d & 1) own[d] += copies * n * m[d];
      total += weights * n;
    }
  } else if (o->kind == SNA_SEPARABLE_TUCKER) {
    for (PetscInt d = 0; d < nd; d++) own[d] = (double)rank * m[d];
    total = EXACT((double)o->nout * pow((double)rank, (double)nd));
  } else {
    r[0]  = (double)o->nout;
    r[nd] = 1;
    for (PetscInt d = nd - 1; d > 0; d--) r[d] = PetscMin((double)rank, r[d + 1] * m[d]);
    for (PetscInt d = 1; d < nd; d++) r[d] = PetscMin(r[d], r[d - 1] * m[d - 1]);
    for (PetscInt d = 0; d < nd; d++) own[d] = r[d] * r[d + 1] * m[d];
  }
  for (PetscInt d = 0; d < nd; d++) {
    total += own[d];
    if (per) per[d] = own[d];
  }
  return EXACT(total);
}

// More parameters than numbers to learn them from: refused, with what would do.
static PetscErrorCode CheckRows(SnaModel model, SnaDeck deck, const SnaSeparableOptions *o)
{
  const Khronos *k          = (const Khronos *)model->data;
  const double   equations  = (double)k->fewest * (double)o->nout;
  const double   parameters = KhronosCountParameters(o, k->deck.rank, PETSC_MAX_INT, NULL);
  PetscInt       rank = k->deck.rank, cells = 1;
  char           cure[160] = "take fewer inputs or a lower degree";

  PetscFunctionBeginUser;
  if (parameters <= equations || k->fit.ridge > 0) PetscFunctionReturn(0);
  for (PetscInt d = 0; d < o->nd; d++) cells = PetscMax(cells, o->cells[d]);
  while (rank > 1 && KhronosCountParameters(o, rank, PETSC_MAX_INT, NULL) > equations) rank--;
  while (cells > 1 && KhronosCountParameters(o, k->deck.rank, cells, NULL) > equations) cells--;
  if (KhronosCountParameters(o, rank, PETSC_MAX_INT, NULL) <= equations)
    PetscCall(PetscSNPrintf(cure, sizeof(cure), "rank %" PetscInt_FMT " would do", rank));
  else if (KhronosCountParameters(o, k->deck.rank, cells, NULL) <= equations)
    PetscCall(PetscSNPrintf(cure, sizeof(cure), "%" PetscInt_FMT " cells would do", cells));
  else if (KhronosCountParameters(o, 1, 1, NULL) <= equations) {
    for (rank = k->deck.rank; KhronosCountParameters(o, rank, 1, NULL) > equations;) rank--;
    PetscCall(PetscSNPrintf(cure, sizeof(cure), "rank %" PetscInt_FMT " with 1 cell would do", rank));
  }
  PetscCall(SnaDeckError(deck, "khronos_rank", NULL,
    "%.0f parameters%s cannot be learned from %" PetscInt64_FMT " training rows%s%s: %s, or set `train: ridge` above 0",
    parameters, k->npart > 1 ? " per target" : "", k->fewest, o->nout > 1 ? " with several outputs each" : "",
    k->folds ? " (of the smallest fold)" : "", cure));
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosCheckSize(SnaModel model, SnaDeck deck)
{
  Khronos            *k = (Khronos *)model->data;
  SnaSeparableOptions o;
  SnaSeparable        s = NULL;
  char                message[SNA_MAX_MESSAGE];
  PetscBool           ok;
  PetscInt            n;

  PetscFunctionBeginUser;
  if (k->deck.interaction > model->info.nd)
    PetscCall(SnaDeckError(deck, "khronos_interaction", NULL,
      "interaction of %" PetscInt_FMT " inputs, and there are %" PetscInt_FMT, k->deck.interaction, model->info.nd));
  PetscCall(KhronosGetOptions(model, &o, &ok));
  if (!ok) {
    PetscCall(SnaDeckError(deck, k->deck.interaction ? "khronos_interaction" : "khronos_rank", NULL,
      "more than 65,536 products: a lower rank or fewer interacting inputs"));
    PetscFunctionReturn(0);
  }
  PetscCall(SnaSeparableCreate(&o, &s, message));
  if (!s)
    PetscCall(SnaDeckError(deck, "khronos_rank", NULL, "%s", message));
  else {
    PetscCall(SnaSeparableGetParameterCount(s, &n));
    PetscCheck(KhronosCountParameters(&o, k->deck.rank, PETSC_MAX_INT, NULL) == (double)n, model->comm, PETSC_ERR_PLIB,
      "%" PetscInt_FMT " parameters", n);
    if (k->fewest > 0) PetscCall(CheckRows(model, deck, &o));
  }
  PetscCall(SnaSeparableDestroy(&s));
  PetscCall(SnaInteractionDestroy(&o.interaction));
  PetscFunctionReturn(0);
}
