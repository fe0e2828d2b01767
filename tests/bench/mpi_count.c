// mpi_count.c - counts what a program sends through MPI, by MPI's profiling interface: preload the library and name a file by SNA_MPI_COUNT.
//
//   SNA_MPI_COUNT=count.txt mpiexec -n 2 -genv LD_PRELOAD build/tests/libmpi_count.so build/sna_solver input.deck
//
// writes "rank messages bytes collectives bytes" for every rank when MPI is finalised. Bytes are those of the buffer that the rank hands over (the send
// buffer of point-to-point calls and of reductions, the buffer of a broadcast on its root): what a network carries of a collective depends on its algorithm.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static long   messages, collectives;
static double message_bytes, collective_bytes;

static double Bytes(int count, MPI_Datatype type)
{
  int size = 0;

  PMPI_Type_size(type, &size);
  return (double)count * size;
}

static void Message(int count, MPI_Datatype type)
{
  messages++;
  message_bytes += Bytes(count, type);
}

// Communicators of one rank send nothing.
static void Collective(int count, MPI_Datatype type, MPI_Comm comm, int root)
{
  int size = 1, rank = 0;

  PMPI_Comm_size(comm, &size);
  PMPI_Comm_rank(comm, &rank);
  if (size == 1) return;
  collectives++;
  if (root < 0 || root == rank) collective_bytes += Bytes(count, type);
}

int MPI_Send(const void *b, int n, MPI_Datatype t, int to, int tag, MPI_Comm c)
{
  Message(n, t);
  return PMPI_Send(b, n, t, to, tag, c);
}

int MPI_Isend(const void *b, int n, MPI_Datatype t, int to, int tag, MPI_Comm c, MPI_Request *r)
{
  Message(n, t);
  return PMPI_Isend(b, n, t, to, tag, c, r);
}

int MPI_Sendrecv(const void *b, int n, MPI_Datatype t, int to, int tag, void *rb, int rn, MPI_Datatype rt, int from,
  int rtag, MPI_Comm c, MPI_Status *s)
{
  Message(n, t);
  return PMPI_Sendrecv(b, n, t, to, tag, rb, rn, rt, from, rtag, c, s);
}

int MPI_Bcast(void *b, int n, MPI_Datatype t, int root, MPI_Comm c)
{
  Collective(n, t, c, root);
  return PMPI_Bcast(b, n, t, root, c);
}

int MPI_Allreduce(const void *a, void *b, int n, MPI_Datatype t, MPI_Op op, MPI_Comm c)
{
  Collective(n, t, c, -1);
  return PMPI_Allreduce(a, b, n, t, op, c);
}

int MPI_Reduce(const void *a, void *b, int n, MPI_Datatype t, MPI_Op op, int root, MPI_Comm c)
{
  Collective(n, t, c, -1);
  return PMPI_Reduce(a, b, n, t, op, root, c);
}

int MPI_Allgather(const void *a, int n, MPI_Datatype t, void *b, int rn, MPI_Datatype rt, MPI_Comm c)
{
  Collective(n, t, c, -1);
  return PMPI_Allgather(a, n, t, b, rn, rt, c);
}

int MPI_Allgatherv(
  const void *a, int n, MPI_Datatype t, void *b, const int rn[], const int at[], MPI_Datatype rt, MPI_Comm c)
{
  if (a != MPI_IN_PLACE) Collective(n, t, c, -1);
  return PMPI_Allgatherv(a, n, t, b, rn, at, rt, c);
}

int MPI_Finalize(void)
{
  const char *path = getenv("SNA_MPI_COUNT");
  int         rank, size;

  PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
  PMPI_Comm_size(MPI_COMM_WORLD, &size);
  for (int r = 0; path && r < size; r++) {
    PMPI_Barrier(MPI_COMM_WORLD);
    if (r == rank) {
      FILE *f = fopen(path, r == 0 ? "w" : "a");
      if (f) {
        fprintf(f, "%d %ld %.0f %ld %.0f\n", rank, messages, message_bytes, collectives, collective_bytes);
        fclose(f);
      }
    }
  }
  return PMPI_Finalize();
}
