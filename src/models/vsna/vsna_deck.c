// vsna_deck.c - the VSNA's part of the deck: directions, the PDE as product terms, the solver's options.
//
// Everything a user can get wrong is found here or in vsna_setup.c, before anything is solved, and collected as deck errors with lines.
#include "vsna.h"
#include <stdlib.h>

static const SnaOption dim_options[] = {
  {"dim", SNA_OPT_NAMES, NULL, 0, 0, "list of names",
    "The directions (variables) in order: space, time, parameters; 1 to 32 of them."},
  {"dim_*_domain", SNA_OPT_REALS, NULL, 0, 0, "[lo, hi]",
    "Interval of the direction; numbers or constant expressions."},
  {"dim_*_basis", SNA_OPT_CHOICE, "bspline", 0, 0, "bspline|fourier|chebyshev|legendre",
    "Family of 1-D functions; chebyshev and legendre are polynomials orthonormalised in L2, fourier needs bc at both "
    "ends."},
  {"dim_*_degree", SNA_OPT_INT, "3", 1, 5, "1..5",
    "Polynomial degree of the splines; at least the highest derivative that the form takes in this direction."},
  {"dim_*_cells", SNA_OPT_INT, "32", 1, 100000, "1..100000",
    "Cells of the splines; cells + degree functions before boundary conditions. With knots: as many as they make."},
  {"dim_*_knots", SNA_OPT_REALS, "", 0, 0, "[lo, ..., hi]",
    "Break points of graded splines; an inner one given k times leaves degree - k continuous derivatives there. With "
    "cells: the same grading on that many cells."},
  {"dim_*_modes", SNA_OPT_INT, "16", 1, 2000, "1..2000", "Functions of a fourier, chebyshev or legendre basis."},
  {"dim_*_bc", SNA_OPT_STRINGS, "none", 0, 0,
    "none | dirichlet | neumann | robin | clamped | periodic, one word or [lo, hi]",
    "Boundary condition of the field at both ends or per end: u = 0, du/dn = 0, du/dn + robin u = 0; other values come "
    "in "
    "by pde: lift. With form: galerkin neumann and robin are natural conditions, and so is none."},
  {"dim_*_robin", SNA_OPT_REALS, "", -1e300, 1e300, "number or [lo, hi]",
    "Coefficient of bc: robin, n the outward normal."},
  {"dim_*_initial", SNA_OPT_BOOL, "false", 0, 0, NULL,
    "This is the direction of time: the initial conditions hold at its lower end."},
  {"dim_*_weight", SNA_OPT_STRING, "", 0, 0, "expression > 0",
    "Weight of the residual norm along this direction, e.g. 1.05 - t."},
  {"dim_*_quadrature", SNA_OPT_INT, "0", 0, 64, "0..64",
    "Gauss points per cell for the 1-D integrals; 0: enough for 96 per direction and never below degree + 3."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

static const SnaOption pde_options[] = {
  {"pde_unknown", SNA_OPT_STRING, "u", 0, 0, "name", "Name of the unknown in files and pictures."},
  {"pde_form", SNA_OPT_CHOICE, "least_squares", 0, 0, "least_squares|galerkin",
    "Minimise the residual of the equation, or the energy of its weak form (symmetric coercive problems: diffusion, "
    "reaction)."},
  {"pde_term", SNA_OPT_NAMES, NULL, 0, 0, "list of name: product",
    "The operator: a sum of product terms such as -omega * y * d(x); every factor uses one direction."},
  {"pde_term_*", SNA_OPT_STRING, NULL, 0, 0, "product",
    "One term; d(x), d(x,2) differentiate the unknown; -d(x)( a(x) * d(x) ) is conservative; a term that names the "
    "unknown is written out in full and may be nonlinear: u * d(u,x), u^2."},
  {"pde_source", SNA_OPT_NAMES, "", 0, 0, "list of name: product",
    "The right-hand side: a sum of product terms without d(...); absent: 0."},
  {"pde_source_*", SNA_OPT_STRING, NULL, 0, 0, "product", "One term of the source."},
  {"pde_initial", SNA_OPT_NAMES, "", 0, 0, "list of name: product",
    "The initial condition: a sum of product terms in the other directions; kept exactly as a lift; absent: 0."},
  {"pde_initial_*", SNA_OPT_STRING, NULL, 0, 0, "product", "One term of the initial condition."},
  {"pde_rate", SNA_OPT_NAMES, "", 0, 0, "list of name: product",
    "The initial rate du/dt, for equations of second order in time: a sum of product terms; absent: 0."},
  {"pde_rate_*", SNA_OPT_STRING, NULL, 0, 0, "product", "One term of the initial rate."},
  {"pde_lift", SNA_OPT_NAMES, "", 0, 0, "list of name: product",
    "A function with the boundary values of u where they are not zero (values, slopes, du/dn + robin u): a sum of "
    "product terms that is kept exactly; u = initial condition + lift + field, the field's conditions are "
    "homogeneous."},
  {"pde_lift_*", SNA_OPT_STRING, NULL, 0, 0, "product", "One term of the lift."},
  {"pde_reference", SNA_OPT_STRING, "", 0, 0, "expression",
    "A known solution, any expression in the physical coordinates (those of dim, or of coordinates): the run then "
    "reports the error."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

static const SnaOption vsna_options[] = {
  {"vsna_format", SNA_OPT_CHOICE, "cp", 0, 0, "cp|tensor_train",
    "Separable format of the field: a sum of products of given rank, or a tensor train of given accuracy."},
  {"vsna_rtol", SNA_OPT_REAL, "1e-4", 1e-12, 0.5, "1e-12..0.5",
    "tensor_train and rank: auto: target of the relative L2 error; ranks follow from it. Also the rounding of convert: "
    "tensor_train."},
  {"vsna_parameters", SNA_OPT_INT, "0", 0, 2147483647, ">= 0",
    "tensor_train: round the result to at most this many numbers instead of to rtol; 0: to rtol."},
  {"vsna_order", SNA_OPT_STRINGS, "", 0, 0, "[y, x, t], all directions",
    "tensor_train: directions along the train; absent: chosen by the program."},
  {"vsna_tt_max_rank", SNA_OPT_INT, "0", 0, 100000, ">= 0", "tensor_train: no rank above this; 0: as needed."},
  {"vsna_tt_max_sweeps", SNA_OPT_INT, "200", 1, 2147483647, ">= 1",
    "tensor_train: half sweeps in all; a run that reaches it before its end is not converged (exit code 3)."},
  {"vsna_convert", SNA_OPT_CHOICE, "none", 0, 0, "none|cp|tensor_train",
    "Deliver the solved field in the other format."},
  {"vsna_convert_rank", SNA_OPT_INT, "", 1, 2048, "1..2048", "Rank of convert: cp."},
  {"vsna_rank", SNA_OPT_STRING, "32", 0, 0, "1..2048 | auto",
    "cp: target rank R, the number of products; auto: the first rank of the ladder whose error indicator meets rtol."},
  {"vsna_max_rank", SNA_OPT_INT, "512", 1, 2048, "1..2048", "cp: end of the ladder of rank: auto."},
  {"vsna_ladder", SNA_OPT_INTS, "", 1, 2048, "increasing ranks",
    "Ranks to grow through; absent: 8, 12, 16, 24, 32, 48, ... up to the target."},
  {"vsna_restarts", SNA_OPT_INT, "1", 1, 1024, "1..1024",
    "Independent runs from different seeds, shared out over the ranks; the one with the smallest residual is kept."},
  {"vsna_seed", SNA_OPT_INT, "1", 0, 2147483647, ">= 0", "Seed of the random start; run k of several uses seed + k."},
  {"vsna_als_enrich", SNA_OPT_INT, "10", 0, 10000, "0..10000",
    "Sweeps over the new columns alone when the rank grows."},
  {"vsna_als_sweeps", SNA_OPT_INT, "10", 1, 100000, "1..100000", "Sweeps over all columns per rung of the ladder."},
  {"vsna_als_final_sweeps", SNA_OPT_INT, "10", 1, 100000, "1..100000", "The same at the target rank."},
  {"vsna_als_max_sweeps", SNA_OPT_INT, "100000", 1, 2147483647, ">= 1",
    "Sweeps in all; a run that reaches it before the end of the ladder is not converged (exit code 3)."},
  {"vsna_als_rtol", SNA_OPT_REAL, "1e-6", 0, 1, "0..1",
    "A rung ends early when a sweep lowers the residual by less than this fraction."},
  {"vsna_als_tikhonov", SNA_OPT_REAL, "1e-13", 0, 1, "0..1",
    "Shift of the local systems in units of their mean diagonal; from 1e-4 on it costs accuracy."},
  {"vsna_als_linesearch", SNA_OPT_BOOL, "true", 0, 0, NULL, "Line search along the difference of two sweeps."},
  {"vsna_als_balance_every", SNA_OPT_INT, "5", 0, 100000, "0..100000",
    "Sweeps between balancing of the column norms; 0: only after enrichment."},
  {"vsna_newton_method", SNA_OPT_CHOICE, "brgn", 0, 0, "brgn|lmvm",
    "Nonlinear problems: PETSc's Levenberg-Marquardt (TAOBRGN) or L-BFGS (TAOLMVM); their options: tao_*."},
  {"vsna_newton_stages", SNA_OPT_INT, "3", 1, 10, "1..10",
    "Nonlinear problems: resolutions and ranks to grow through, each about half of the next; 1: the deck's alone."},
  {"vsna_newton_max_it", SNA_OPT_INT, "0", 0, 1000000, "0..1000000",
    "Nonlinear problems: iterations per stage; a last stage that reaches it is not converged (exit code 3). 0: 60 for "
    "brgn, 3000 for lmvm."},
  {"vsna_newton_rtol", SNA_OPT_REAL, "1e-2", 0, 1, "0..1",
    "Nonlinear problems: the last stage ends when a step (5 iterations of brgn, 100 of lmvm) lowers the residual by "
    "less "
    "than this fraction."},
  {"vsna_mat_type", SNA_OPT_CHOICE, "shell", 0, 0, "shell|sbaij",
    "Local systems: matrix-free with the block-band Cholesky, or assembled to PETSc's MATSBAIJ for verification."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

static const SnaOption error_options[] = {
  {"error_method", SNA_OPT_CHOICE, "auto", 0, 0, "auto|grid|separable|qmc|direct",
    "How the error against pde_reference is integrated: tensor Gauss grid, "
    "Gram matrices (separable reference), randomised quasi-Monte Carlo; "
    "direct: no reference, but direct solves at sampled parameters."},
  {"error_points", SNA_OPT_INT, "1048576", 1024, 1000000000, "1024..1e9",
    "Points of the quasi-Monte Carlo estimate; also the largest tensor grid that auto takes."},
  {"error_max", SNA_OPT_BOOL, "false", 0, 0, NULL, "Also the largest error, on a regular grid that has the corners."},
  {"error_samples", SNA_OPT_INT, "16", 1, 100000, "1..100000",
    "direct: points of the parameters at which the problem in the other directions is solved by itself."},
  {"error_refine", SNA_OPT_INT, "1", 1, 8, "1..8",
    "direct: resolution of those solves in units of the deck's; 2 also shows the error of the bases."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

int SnaModelGetTables_VSNA(int max, const char *title[], const SnaOption *table[])
{
  const char *const titles[] = {
    "Directions", "Partial differential equation", "VSNA solver", "Error against the reference"};
  const SnaOption *const tables[] = {dim_options, pde_options, vsna_options, error_options};
  int                    n        = 0;

  for (; n < 4 && n < max; n++) {
    title[n] = titles[n];
    table[n] = tables[n];
  }
  return n;
}

static PetscErrorCode ReadReference(SnaModel model, SnaDeck deck, const SnaSymbols *symbols, Vsna *v)
{
  const SnaCoordinatesInfo *info;
  const char               *text;
  PetscBool                 grid, separable;
  int                       n;

  PetscFunctionBeginUser;
  PetscCall(SnaModelReadCoordinates_Private(model, deck));
  PetscCall(SnaCoordinatesGetInfo(model->coordinates, &info));
  PetscCall(SnaDeckGetString(deck, "error_method", NULL, &v->error_method));
  PetscCall(SnaDeckGetInt(deck, "error_points", NULL, &v->error_points));
  PetscCall(SnaDeckGetBool(deck, "error_max", NULL, &v->error_max));
  PetscCall(SnaDeckGetInt(deck, "error_samples", NULL, &v->direct_samples));
  PetscCall(SnaDeckGetInt(deck, "error_refine", NULL, &v->direct_refine));
  PetscCall(PetscStrcmp(v->error_method, "grid", &grid));
  PetscCall(PetscStrcmp(v->error_method, "separable", &separable));
  PetscCall(PetscStrcmp(v->error_method, "direct", &v->direct));
  if (info->mapped && (grid || separable))
    PetscCall(SnaDeckError(deck, "error_method", NULL,
      "`%s` integrates over the directions, the reference is one of the physical coordinates; use qmc or auto",
      v->error_method));
  PetscCall(SnaModelReadReference_Private(model, deck, "pde_reference", &text));
  if (!model->reference || info->mapped) PetscFunctionReturn(0);
  PetscCall(SnaTermsFromSum(
    text, symbols, (int)(sizeof(v->reference_term) / sizeof(v->reference_term[0])), &n, v->reference_term));
  v->nreference = n;
  PetscFunctionReturn(0);
}

// 8, 12, 16, 24, 32, ...: each power of two and the number between it and the next, up to the target.
static void DefaultLadder(PetscInt target, SnaAlsOptions *o)
{
  for (PetscInt R = 8; R < target && o->nrung < 60; R *= 2) {
    o->rung[o->nrung++] = R;
    if (R + R / 2 < target) o->rung[o->nrung++] = R + R / 2;
  }
  o->rung[o->nrung++] = target;
}

// Names as directions.
static PetscErrorCode ReadOrder(SnaDeck deck, const SnaModelInfo *info, Vsna *v)
{
  const char *name[SNA_MAX_DIM];
  char        missing[SNA_MAX_DIM * 34] = "";
  PetscInt    n, count[SNA_MAX_DIM] = {0};
  PetscBool   given;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckHas(deck, "vsna_order", NULL, &given));
  PetscCall(SnaDeckGetStrings(deck, "vsna_order", NULL, SNA_MAX_DIM, &n, name));
  if (!given || n == 0) PetscFunctionReturn(0);
  for (PetscInt i = 0; i < n; i++) {
    PetscInt d = 0;
    for (PetscBool same = PETSC_FALSE; d < info->nd; d++) {
      PetscCall(PetscStrcmp(name[i], info->name[d], &same));
      if (same) break;
    }
    if (d == info->nd) {
      const char *nearest = SnaNearestName(name[i], (int)info->nd, info->name);
      PetscCall(SnaDeckError(deck, "vsna_order", NULL, "the order names `%s`, which is no direction%s%s%s", name[i],
        nearest ? "; did you mean `" : "", nearest ? nearest : "", nearest ? "`?" : ""));
    } else if (count[d]++ > 0)
      PetscCall(SnaDeckError(deck, "vsna_order", NULL, "the order names `%s` twice", name[i]));
    else
      v->tt_options.order[i] = d;
  }
  for (PetscInt d = 0; d < info->nd; d++) {
    if (count[d] > 0) continue;
    if (missing[0]) PetscCall(PetscStrlcat(missing, ", ", sizeof(missing)));
    PetscCall(PetscStrlcat(missing, info->name[d], sizeof(missing)));
  }
  if (missing[0])
    PetscCall(SnaDeckError(deck, "vsna_order", NULL, "the order names every direction once; missing: %s", missing));
  v->order_given = PETSC_TRUE; // where it is wrong the run ends
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadTensorTrain(SnaDeck deck, const SnaModelInfo *info, Vsna *v)
{
  SnaTtAlsOptions *o = &v->tt_options;
  const char      *word;
  PetscBool        given, cp, tt;

  PetscFunctionBeginUser;
  o->prefix = "vsna_";
  PetscCall(SnaDeckGetReal(deck, "vsna_rtol", NULL, &o->rtol));
  v->auto_rtol = o->rtol;
  PetscCall(SnaDeckGetInt(deck, "vsna_parameters", NULL, &o->parameters));
  PetscCall(ReadOrder(deck, info, v));
  PetscCall(SnaDeckGetInt(deck, "vsna_tt_max_rank", NULL, &o->max_rank));
  PetscCall(SnaDeckGetInt(deck, "vsna_tt_max_sweeps", NULL, &v->tt_max_sweeps));
  PetscCall(SnaDeckGetString(deck, "vsna_convert", NULL, &word));
  PetscCall(PetscStrcmp(word, "cp", &cp));
  PetscCall(PetscStrcmp(word, "tensor_train", &tt));
  v->convert = cp ? VSNA_CONVERT_CP : tt ? VSNA_CONVERT_TT : VSNA_CONVERT_NONE;
  PetscCall(SnaDeckHas(deck, "vsna_convert_rank", NULL, &given));
  PetscCall(SnaDeckGetInt(deck, "vsna_convert_rank", NULL, &v->convert_rank));
  if (cp && !given && v->format == &VsnaFormatTT)
    PetscCall(SnaDeckError(deck, "vsna_convert", NULL, "convert: cp needs the rank: convert_rank"));
  PetscFunctionReturn(0);
}

// Keys that the chosen format has no use for are no errors: the same deck serves both, with -vsna_format on the command line.
static PetscErrorCode NoteUnusedKeys(SnaDeck deck, Vsna *v)
{
  static const char *const cp[]         = {"rank", "max_rank", "ladder", "als_enrich", "als_sweeps", "als_final_sweeps",
            "als_max_sweeps", "als_rtol", "als_tikhonov", "als_linesearch", "als_balance_every", NULL};
  static const char *const tt[]         = {"rtol", "parameters", "order", "tt_max_rank", "tt_max_sweeps", NULL};
  static const char *const tt_convert[] = {
    "tt_max_rank", "tt_max_sweeps", NULL}; // rtol, parameters and order serve the conversion
  const PetscBool is_cp = (PetscBool)(v->format == &VsnaFormatCP);

  PetscFunctionBeginUser;
  if (v->nonlinear) PetscFunctionReturn(0);
  for (const char *const *key = !is_cp ? cp : v->convert == VSNA_CONVERT_TT ? tt_convert : tt; *key; key++) {
    char      name[64];
    PetscBool given, target;
    PetscCall(PetscSNPrintf(name, sizeof(name), "vsna_%s", *key));
    PetscCall(SnaDeckHas(deck, name, NULL, &given));
    PetscCall(PetscStrcmp(*key, "rtol", &target));
    if (!given || (target && v->rank_auto)) continue;
    if (v->unused_keys[0]) PetscCall(PetscStrlcat(v->unused_keys, ", ", sizeof(v->unused_keys)));
    PetscCall(PetscStrlcat(v->unused_keys, *key, sizeof(v->unused_keys)));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadRank(SnaDeck deck, Vsna *v, PetscInt *rank)
{
  const char *text;
  char       *end;
  PetscInt    max_rank;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetString(deck, "vsna_rank", NULL, &text));
  PetscCall(SnaDeckGetInt(deck, "vsna_max_rank", NULL, &max_rank));
  PetscCall(PetscStrcmp(text, "auto", &v->rank_auto));
  *rank = max_rank;
  if (v->rank_auto) PetscFunctionReturn(0);
  *rank = (PetscInt)strtol(text, &end, 10);
  if (*end != '\0' || *rank < 1 || *rank > 2048)
    PetscCall(
      SnaDeckError(deck, "vsna_rank", NULL, "the rank is a whole number from 1 to 2048, or `auto`; `%s` is not", text));
  *rank = PetscMax(1, PetscMin(2048, *rank));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadSolver(SnaDeck deck, const SnaModelInfo *info, Vsna *v)
{
  SnaAlsOptions *o    = &v->als_options;
  PetscInt       rank = 1, n, ladder[63], seed;
  PetscBool      given, tt;
  const char    *word;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetString(deck, "vsna_format", NULL, &word));
  PetscCall(PetscStrcmp(word, VsnaFormatTT.name, &tt));
  v->format = tt ? &VsnaFormatTT : &VsnaFormatCP;
  if (v->nonlinear) {
    PetscCall(VsnaNewtonSetFromOptions(deck, v));
    if (tt) PetscCall(SnaDeckError(deck, "vsna_format", NULL, "nonlinear equations are solved in format cp"));
    v->format = &VsnaFormatNonlinear;
  }
  PetscCall(SnaDeckGetString(deck, "vsna_mat_type", NULL, &word));
  PetscCall(ReadRank(deck, v, &rank));
  PetscCall(SnaDeckGetInt(deck, "vsna_restarts", NULL, &v->restarts));
  PetscCall(SnaDeckGetInt(deck, "vsna_seed", NULL, &seed));
  o->seed            = (uint64_t)seed;
  v->tt_options.seed = (uint64_t)seed;
  PetscCall(SnaDeckHas(deck, "vsna_ladder", NULL, &given));
  PetscCall(SnaDeckGetInts(deck, "vsna_ladder", NULL, 63, &n, ladder));
  if (given) {
    for (PetscInt i = 0; i < n && ladder[i] < rank; i++) {
      if (i > 0 && ladder[i] <= ladder[i - 1])
        PetscCall(SnaDeckError(deck, "vsna_ladder", NULL,
          "the ladder must increase: %" PetscInt_FMT " follows %" PetscInt_FMT, ladder[i], ladder[i - 1]));
      o->rung[o->nrung++] = ladder[i];
    }
    o->rung[o->nrung++] = rank;
  } else
    DefaultLadder(rank, o);
  PetscCall(SnaDeckGetInt(deck, "vsna_als_enrich", NULL, &o->enrich));
  PetscCall(SnaDeckGetInt(deck, "vsna_als_sweeps", NULL, &o->sweeps));
  PetscCall(SnaDeckGetInt(deck, "vsna_als_final_sweeps", NULL, &o->final_sweeps));
  PetscCall(SnaDeckGetInt(deck, "vsna_als_max_sweeps", NULL, &v->max_sweeps));
  PetscCall(SnaDeckGetReal(deck, "vsna_als_rtol", NULL, &o->rtol));
  PetscCall(SnaDeckGetReal(deck, "vsna_als_tikhonov", NULL, &o->tikhonov));
  PetscCall(SnaDeckGetBool(deck, "vsna_als_linesearch", NULL, &o->linesearch));
  PetscCall(SnaDeckGetInt(deck, "vsna_als_balance_every", NULL, &o->balance_every));
  PetscCall(ReadTensorTrain(deck, info, v));
  PetscCall(NoteUnusedKeys(deck, v));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelSetFromOptions_VSNA(SnaModel model, SnaDeck deck)
{
  Vsna         *v    = (Vsna *)model->data;
  SnaModelInfo *info = &model->info;
  SnaSymbols    symbols;

  PetscFunctionBeginUser;
  v->initial_dim = -1;
  PetscCall(SnaDeckAddPetscPrefix(deck, "vsna_ksp_"));
  PetscCall(SnaDeckAddPetscPrefix(deck, "vsna_pc_"));
  PetscCall(SnaDeckAddPetscPrefix(deck, "vsna_sub_"));
  PetscCall(SnaDeckAddPetscPrefix(deck, "vsna_tt_ksp_"));
  PetscCall(SnaDeckAddPetscPrefix(deck, "vsna_direct_"));
  PetscCall(SnaDeckGetNames(deck, "dim", NULL, SNA_MAX_DIM, &v->nd, info->name));
  info->nd = v->nd;
  PetscCall(SnaDeckGetConstants(deck, &symbols));
  symbols.nvar = (int)v->nd;
  symbols.var  = info->name;
  for (PetscInt d = 0; d < v->nd; d++) {
    PetscBool core, breakpoint;
    PetscCall(PetscStrcmp(info->name[d], "core", &core));
    PetscCall(PetscStrcmp(info->name[d], "breakpoint", &breakpoint));
    if (core || breakpoint)
      PetscCall(
        SnaDeckError(deck, "dim", NULL, "the direction's name `%s` is that of %s in the result file; choose another",
          info->name[d], core ? "the cores of a tensor train" : "the knots of graded splines"));
    if (SnaNameIsReserved(info->name[d]))
      PetscCall(SnaDeckError(deck, "dim", NULL,
        "the direction's name `%s` is a function or constant of the expressions; choose another", info->name[d]));
    for (int c = 0; c < symbols.nconst; c++) {
      PetscBool same;
      PetscCall(PetscStrcmp(symbols.constant[c], info->name[d], &same));
      if (same)
        PetscCall(
          SnaDeckError(deck, "dim", NULL, "`%s` is a direction and a constant of param; rename one", info->name[d]));
    }
  }
  PetscCall(VsnaReadDirections(model, deck, &symbols));
  PetscCall(VsnaReadEquation(model, deck, &symbols));
  info->nunknown = 1;
  info->nfield   = 1;
  info->field[0] = v->unknown;
  PetscCall(ReadReference(model, deck, &symbols, v));
  PetscCall(ReadSolver(deck, info, v));
  PetscFunctionReturn(0);
}
