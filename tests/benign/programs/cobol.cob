      *> language: COBOL
      *> package: gnucobol4
      *> needs: cobc
      *> heavy: 4 MB
      *> compile: cobc -x -o program cobol.cob
      *> run: ./program
       IDENTIFICATION DIVISION.
       PROGRAM-ID. MAIN.
       ENVIRONMENT DIVISION.
       INPUT-OUTPUT SECTION.
       FILE-CONTROL.
           SELECT NUMBERS-FILE ASSIGN TO "numbers.txt"
               ORGANIZATION IS LINE SEQUENTIAL.
       DATA DIVISION.
       FILE SECTION.
       FD NUMBERS-FILE.
       01 LINE-OF-FILE PIC 9(4).
       WORKING-STORAGE SECTION.
       01 SIEVE-TABLE.
          05 COMPOSITE PIC 9 OCCURS 100000 TIMES VALUE 0.
       01 N PIC 9(9) COMP-5.
       01 M PIC 9(12) COMP-5.
       01 HOW-MANY PIC 9(9) COMP-5 VALUE 0.
       01 TOTAL PIC 9(12) COMP-5 VALUE 0.
       01 AT-END-FLAG PIC 9 VALUE 0.
       01 SHOWN PIC Z(11)9.
       01 SHOWN-TOO PIC Z(11)9.
       PROCEDURE DIVISION.
           DISPLAY "hello, world".
           PERFORM VARYING N FROM 2 BY 1 UNTIL N > 99999
               IF COMPOSITE(N) = 0
                   ADD 1 TO HOW-MANY
                   ADD N TO TOTAL
                   COMPUTE M = N * N
                   PERFORM UNTIL M > 99999
                       MOVE 1 TO COMPOSITE(M)
                       ADD N TO M
                   END-PERFORM
               END-IF
           END-PERFORM.
           MOVE HOW-MANY TO SHOWN.
           MOVE TOTAL TO SHOWN-TOO.
           DISPLAY FUNCTION TRIM(SHOWN) " " FUNCTION TRIM(SHOWN-TOO).
           OPEN OUTPUT NUMBERS-FILE.
           PERFORM VARYING N FROM 1 BY 1 UNTIL N > 1000
               MOVE N TO LINE-OF-FILE
               WRITE LINE-OF-FILE
           END-PERFORM.
           CLOSE NUMBERS-FILE.
           MOVE 0 TO TOTAL.
           OPEN INPUT NUMBERS-FILE.
           PERFORM UNTIL AT-END-FLAG = 1
               READ NUMBERS-FILE AT END MOVE 1 TO AT-END-FLAG
                   NOT AT END ADD LINE-OF-FILE TO TOTAL
               END-READ
           END-PERFORM.
           CLOSE NUMBERS-FILE.
           MOVE TOTAL TO SHOWN.
           DISPLAY FUNCTION TRIM(SHOWN).
           STOP RUN.
