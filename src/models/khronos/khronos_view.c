// khronos_view.c - what is told before the training: data and split, inputs with their scales and splines, the interaction object, parameters, memory.
#include "khronos.h"
#include <string.h>

#define SHOWN 12 // subsets that are listed by name

static PetscErrorCode ViewData(SnaModel model)
{
  const Khronos     *k = (const Khronos *)model->data;
  const KhronosDeck *D = &k->deck;
  char               parts[160];

  PetscFunctionBeginUser;
  if (k->folds)
    PetscCall(PetscSNPrintf(parts, sizeof(parts), "%" PetscInt_FMT " folds, then all", k->folds));
  else
    PetscCall(PetscSNPrintf(parts, sizeof(parts),
      "%" PetscInt64_FMT " for training, %" PetscInt64_FMT " for validation, %" PetscInt64_FMT " for the test",
      k->count[SNA_PART_TRAIN], k->count[SNA_PART_VALIDATION], k->count[SNA_PART_TEST]));
  if (D->file)
    PetscCall(PetscPrintf(model->comm, "  data: %s, %" PetscInt64_FMT " rows: %s\n", D->file, k->all.total, parts));
  else if (k->thermal)
    PetscCall(PetscPrintf(
      model->comm, "  data: synthetic thermal histories, %" PetscInt64_FMT " rows: %s\n", k->all.total, parts));
  else
    PetscCall(PetscPrintf(model->comm, "  data: %s, %" PetscInt64_FMT " points (%s)%s: %s\n", D->function, k->all.total,
      D->design, D->noise > 0 ? " with noise" : "", parts));
  if (k->dropped)
    PetscCall(
      PetscPrintf(model->comm, "  note: %" PetscInt64_FMT " rows with missing entries were left out\n", k->dropped));
  if (k->coefficient)
    PetscCall(PetscPrintf(model->comm,
      "  signals of %" PetscInt_FMT " times -> %" PetscInt_FMT " numbers (wavelet %s) -> %" PetscInt_FMT
      " principal components\n",
      D->length, k->width, D->wavelet, model->info.nd));
  PetscFunctionReturn(0);
}

static PetscErrorCode ViewTargets(SnaModel model)
{
  const Khronos *k         = (const Khronos *)model->data;
  char           list[512] = "";

  PetscFunctionBeginUser;
  for (PetscInt o = 0; o < (k->nclass ? k->nclass : k->ntarget); o++) {
    PetscCall(PetscStrlcat(list, o ? ", " : "", sizeof(list)));
    PetscCall(PetscStrlcat(list, k->nclass ? k->label[o] : k->target[o], sizeof(list)));
  }
  if (k->nclass)
    PetscCall(PetscPrintf(model->comm, "  target %s, %" PetscInt_FMT " classes: %s\n", k->target[0], k->nclass, list));
  else
    PetscCall(
      PetscPrintf(model->comm, "  target%s %s, scale %s\n", k->ntarget > 1 ? "s" : "", list, k->deck.target_scale));
  PetscFunctionReturn(0);
}

static PetscInt Size(uint32_t subset)
{
  PetscInt n = 0;

  for (; subset; subset &= subset - 1) n++;
  return n;
}

// Subsets by size, and by name where there are few.
static PetscErrorCode ViewInteraction(SnaModel model, const SnaInteraction *s)
{
  PetscInt count[SNA_MAX_DIM + 1] = {0}, products[SNA_MAX_DIM + 1] = {0};

  PetscFunctionBeginUser;
  for (PetscInt j = 0; j < s->nsubset; j++) {
    const PetscInt n = Size(s->subset[j]);
    count[n]++;
    products[n] += s->rank[j];
  }
  for (PetscInt n = 1; n <= SNA_MAX_DIM; n++)
    if (count[n])
      PetscCall(PetscPrintf(model->comm,
        "  interactions of %" PetscInt_FMT " input%s: %" PetscInt_FMT " subset%s, %" PetscInt_FMT " product%s\n", n,
        n > 1 ? "s" : "", count[n], count[n] > 1 ? "s" : "", products[n], products[n] > 1 ? "s" : ""));
  if (s->nsubset > SHOWN) PetscFunctionReturn(0);
  for (PetscInt j = 0; j < s->nsubset; j++) {
    char list[1024] = "";
    for (PetscInt d = 0; d < model->info.nd; d++) {
      if (!(s->subset[j] >> d & 1)) continue;
      PetscCall(PetscStrlcat(list, list[0] ? ", " : "", sizeof(list)));
      PetscCall(PetscStrlcat(list, model->info.name[d], sizeof(list)));
    }
    PetscCall(PetscPrintf(model->comm, "    {%s}\n", list));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelView_Khronos(SnaModel model)
{
  const Khronos      *k  = (const Khronos *)model->data;
  const SnaModelInfo *in = &model->info;
  SnaSeparableOptions o;
  PetscBool           ok;
  double              total, per[SNA_MAX_DIM], rows, square;

  PetscFunctionBeginUser;
  PetscCall(KhronosGetOptions(model, &o, &ok));
  total = KhronosCountParameters(&o, k->deck.rank, PETSC_MAX_INT, per);
  PetscCall(
    PetscPrintf(model->comm, "khronos: class %s, %" PetscInt_FMT " input%s, %" PetscInt_FMT " %s, %.0f parameters%s\n",
      k->deck.class, in->nd, in->nd > 1 ? "s" : "", in->nunknown,
      k->nclass          ? "classes"
      : in->nunknown > 1 ? "outputs"
                         : "output",
      total * (double)k->npart, k->npart > 1 ? " (each output its own function)" : ""));
  if (!k->query) PetscCall(ViewData(model));
  for (PetscInt d = 0; d < in->nd; d++)
    PetscCall(PetscPrintf(model->comm,
      "  %-12s [%g, %g]  scale %s  degree %" PetscInt_FMT "  cells %" PetscInt_FMT "  functions %" PetscInt_FMT
      "  parameters %.0f\n",
      in->name[d], in->lo[d], in->hi[d], k->deck.input_scale[d], o.degree[d], o.cells[d], o.degree[d] + o.cells[d],
      per[d] * (double)k->npart));
  PetscCall(ViewTargets(model));
  if (o.kind == SNA_SEPARABLE_PRODUCTS) {
    PetscCall(ViewInteraction(model, &o.interaction));
    PetscCall(SnaInteractionDestroy(&o.interaction));
  } else
    PetscCall(PetscPrintf(model->comm, "  all inputs interact, rank %" PetscInt_FMT "\n", k->deck.rank));
  rows = (double)k->all.n * (double)(in->nd + k->all.ny) +
         (k->coefficient ? (double)k->all.n * (double)(k->width + k->deck.length) : 0);
  square = total * total;
  PetscCall(PetscPrintf(model->comm,
    "  memory per rank: rows about %.3g MB as read and as much again as dealt; a normal matrix of Levenberg-Marquardt "
    "%.3g MB\n",
    8e-6 * rows, 8e-6 * square));
  PetscFunctionReturn(0);
}
