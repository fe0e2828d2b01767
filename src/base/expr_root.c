// expr_root.c - root(s, f, lo, hi) of expressions: the s in [lo, hi] where f changes its sign, written out in the syntax tree.
//
// Bisections until Newton's method is safe, then Newton steps with the slope of a central difference. Each step doubles the number of derivatives of the root
// that a jet gets right (1, 3, 7), which the bisections, choosing among numbers, leave at zero. NaN where f has the same sign at both ends.
#include "expr_impl.h"

#define BISECTIONS   20
#define NEWTON_STEPS 3

PetscErrorCode SnaTreeAddRoot(SnaTree *tree, SnaTreeFunction function, void *ctx, int lo, int hi, int *node)
{
  int a = lo, b = hi, s, fa, fb, fs, same, number, zero, half, width, step, bracket;

  PetscFunctionBeginUser;
  PetscCall(SnaTreeAddConstant(tree, 0, &zero));
  PetscCall(SnaTreeAddConstant(tree, 0.5, &half));
  PetscCall(function(ctx, lo, &fa));
  PetscCall(function(ctx, hi, &fb));
  PetscCall(SnaTreeAdd(tree, SNA_OP_MUL, fa, fb, -1, &bracket));
  PetscCall(SnaTreeAdd(tree, SNA_OP_LE, bracket, zero, -1, &bracket));
  for (int k = 0; k <= BISECTIONS; k++) {
    PetscCall(SnaTreeAdd(tree, SNA_OP_ADD, a, b, -1, &s));
    PetscCall(SnaTreeAdd(tree, SNA_OP_MUL, s, half, -1, &s));
    if (k == BISECTIONS) break;
    PetscCall(function(ctx, s, &fs));
    PetscCall(SnaTreeAdd(tree, SNA_OP_MUL, fa, fs, -1, &same));
    PetscCall(SnaTreeAdd(tree, SNA_OP_GT, same, zero, -1, &same)); // the sign at lo: the root is above
    PetscCall(SnaTreeAdd(tree, SNA_OP_SELECT, same, s, a, &a));
    PetscCall(SnaTreeAdd(tree, SNA_OP_SELECT, same, b, s, &b));
  }
  PetscCall(SnaTreeAdd(tree, SNA_OP_SUB, hi, lo, -1, &width));
  PetscCall(SnaTreeAddConstant(tree, 1e-5, &number));
  PetscCall(SnaTreeAdd(tree, SNA_OP_MUL, width, number, -1, &width));
  for (int k = 0; k < NEWTON_STEPS; k++) {
    PetscCall(SnaTreeAdd(tree, SNA_OP_SUB, s, width, -1, &a));
    PetscCall(SnaTreeAdd(tree, SNA_OP_ADD, s, width, -1, &b));
    PetscCall(function(ctx, a, &fa));
    PetscCall(function(ctx, b, &fb));
    PetscCall(function(ctx, s, &fs));
    PetscCall(SnaTreeAdd(tree, SNA_OP_SUB, fb, fa, -1, &step));
    PetscCall(SnaTreeAdd(tree, SNA_OP_DIV, fs, step, -1, &step));
    PetscCall(SnaTreeAdd(tree, SNA_OP_MUL, step, width, -1, &step));
    PetscCall(SnaTreeAddConstant(tree, 2, &number));
    PetscCall(SnaTreeAdd(tree, SNA_OP_MUL, step, number, -1, &step));
    PetscCall(SnaTreeAdd(tree, SNA_OP_SUB, s, step, -1, &s));
  }
  // no change of sign: not a number, by a function that is none anywhere
  PetscCall(SnaTreeAddConstant(tree, -1, &number));
  PetscCall(SnaTreeAdd(tree, SNA_OP_MUL, s, s, -1, &same));
  PetscCall(SnaTreeAdd(tree, SNA_OP_SUB, number, same, -1, &same));
  PetscCall(SnaTreeAdd(tree, SNA_OP_LOG, same, -1, -1, &same));
  PetscCall(SnaTreeAdd(tree, SNA_OP_SELECT, bracket, s, same, node));
  PetscFunctionReturn(0);
}
