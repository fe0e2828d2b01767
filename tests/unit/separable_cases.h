// Functions of every kind for test_separable.c and test_separable_object.c.
#ifndef SEPARABLE_CASES_H
#define SEPARABLE_CASES_H

#include "learn/learn_impl.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

typedef struct {
  SnaSeparableKind kind;
  PetscInt         nd, nout, order, rank; // order: products alone
  PetscBool        only_largest, learned;
  SnaActivation    activation;
  PetscInt         degree[6], cells[6]; // more than 16 functions: cell-wise
} Case;

static const Case cases[] = {
  {SNA_SEPARABLE_PRODUCTS, 3, 1, 1, 1, PETSC_FALSE, PETSC_FALSE, SNA_IDENTITY, {1, 2, 3}, {2, 5, 9}},
  {SNA_SEPARABLE_PRODUCTS, 4, 2, 2, 2, PETSC_FALSE, PETSC_FALSE, SNA_IDENTITY, {2, 2, 1, 5}, {3, 40, 16, 12}},
  {SNA_SEPARABLE_PRODUCTS, 4, 1, 4, 5, PETSC_TRUE, PETSC_FALSE, SNA_IDENTITY, {2, 2, 4, 2}, {3, 3, 3, 3}},
  {SNA_SEPARABLE_PRODUCTS, 3, 3, 3, 4, PETSC_TRUE, PETSC_TRUE, SNA_IDENTITY, {3, 2, 1}, {3, 20, 3}},
  {SNA_SEPARABLE_PRODUCTS, 3, 2, 3, 3, PETSC_FALSE, PETSC_TRUE, SNA_TANH, {2, 2, 2}, {3, 3, 30}},
  {SNA_SEPARABLE_PRODUCTS, 3, 1, 3, 3, PETSC_TRUE, PETSC_FALSE, SNA_EXP, {2, 2, 2}, {3, 3, 3}},
  {SNA_SEPARABLE_PRODUCTS, 2, 2, 2, 3, PETSC_TRUE, PETSC_TRUE, SNA_SOFTPLUS, {2, 3}, {3, 3}},
  {SNA_SEPARABLE_PRODUCTS, 2, 1, 2, 2, PETSC_FALSE, PETSC_FALSE, SNA_SIGMOID, {2, 3}, {3, 3}},
  {SNA_SEPARABLE_TUCKER, 3, 1, 0, 3, PETSC_FALSE, PETSC_FALSE, SNA_IDENTITY, {2, 1, 3}, {3, 2, 20}},
  {SNA_SEPARABLE_TUCKER, 4, 3, 0, 2, PETSC_FALSE, PETSC_FALSE, SNA_IDENTITY, {2, 2, 1, 5}, {30, 3, 15, 11}},
  {SNA_SEPARABLE_TUCKER, 1, 2, 0, 3, PETSC_FALSE, PETSC_FALSE, SNA_IDENTITY, {2}, {4}},
  {SNA_SEPARABLE_TUCKER, 5, 2, 0, 1, PETSC_FALSE, PETSC_FALSE, SNA_IDENTITY, {1, 1, 1, 1, 1}, {1, 2, 1, 2, 1}},
  {SNA_SEPARABLE_TENSOR_TRAIN, 4, 1, 0, 3, PETSC_FALSE, PETSC_FALSE, SNA_IDENTITY, {2, 1, 3, 2}, {3, 2, 20, 1}},
  {SNA_SEPARABLE_TENSOR_TRAIN, 3, 3, 0, 5, PETSC_FALSE, PETSC_FALSE, SNA_IDENTITY, {1, 5, 2}, {1, 14, 3}},
  {SNA_SEPARABLE_TENSOR_TRAIN, 1, 2, 0, 3, PETSC_FALSE, PETSC_FALSE, SNA_IDENTITY, {3}, {40}},
  {SNA_SEPARABLE_TENSOR_TRAIN, 6, 2, 0, 4, PETSC_FALSE, PETSC_FALSE, SNA_IDENTITY, {1, 1, 1, 1, 1, 1},
    {1, 2, 1, 2, 1, 2}},
};
#define NCASE (int)(sizeof(cases) / sizeof(cases[0]))

static void Make(const Case *c, SnaSeparable *s)
{
  SnaSeparableOptions o = {
    .kind = c->kind, .nd = c->nd, .nout = c->nout, .rank = c->rank, .activation = c->activation, .learned = c->learned};
  char      message[SNA_MAX_MESSAGE];
  PetscBool ok;
  PetscInt  n;
  double   *theta;

  for (PetscInt d = 0; d < c->nd; d++) {
    o.degree[d] = c->degree[d];
    o.cells[d]  = c->cells[d];
  }
  if (c->kind == SNA_SEPARABLE_PRODUCTS) {
    Ok(SnaInteractionCreate(c->nd, c->order, c->rank, c->only_largest, &o.interaction, &ok));
    assert_true(ok);
  }
  Ok(SnaSeparableCreate(&o, s, message));
  assert_string_equal(message, "");
  Ok(SnaInteractionDestroy(&o.interaction));
  Ok(SnaSeparableGetParameterCount(*s, &n));
  Ok(SnaSeparableGetParameters(*s, &theta));
  for (PetscInt p = 0; p < n; p++) theta[p] = 2 * SnaRandomUniform(5, 1, (uint64_t)p) - 0.6;
}

static void MakeArrays(PetscInt count, PetscInt n, double *y[])
{
  for (PetscInt k = 0; k < count; k++) Ok(PetscCalloc1((size_t)n, &y[k]));
}

static void FreeArrays(PetscInt count, double *y[])
{
  for (PetscInt k = 0; k < count; k++) Ok(PetscFree(y[k]));
}

#endif
